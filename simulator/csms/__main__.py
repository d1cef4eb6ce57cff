"""``python -m simulator.csms``: the embedded CSMS by itself."""

from simulator.csms.service import main

raise SystemExit(main())
