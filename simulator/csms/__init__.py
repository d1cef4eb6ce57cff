"""The embedded CSMS: a test target that speaks OCPP-J 1.6 and 2.0.1, and targets that misbehave.

Cheap to import: the server with its libraries is loaded when it is first used.
"""

from __future__ import annotations

from collections.abc import Sequence

from simulator.csms.options import CsmsOptions, Faults

__all__ = ["CsmsOptions", "Faults", "main", "serve"]


def serve(options: CsmsOptions) -> int:
    """Run the embedded CSMS until a signal ends it; returns the exit code (0, 1, 4)."""
    from simulator.csms import service

    return service.serve(options)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the embedded CSMS with the options of a command line; returns the exit code."""
    from simulator.csms import service

    return service.main(argv)
