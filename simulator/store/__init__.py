"""A run's folder: every run folder is written and read here.

Importing this package is cheap; pandas and pyarrow are loaded when a table is touched.
"""

from simulator.store.errors import StoreError
from simulator.store.folder import RunFolder
from simulator.store.read import Run, read_run

__all__ = ["Run", "RunFolder", "StoreError", "read_run"]
