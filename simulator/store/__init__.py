"""A run's folder: every run folder is written and read here.

Importing this package is cheap; pandas and pyarrow are loaded when a table is touched.
"""

from simulator.store.amend import amend_run
from simulator.store.errors import StoreError
from simulator.store.folder import RunFolder
from simulator.store.read import Run, read_run

__all__ = ["Run", "RunFolder", "StoreError", "amend_run", "read_run"]
