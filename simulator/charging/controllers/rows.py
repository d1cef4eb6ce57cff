"""A linear program under construction, by columns and rows, and its solution by HiGHS.

Knows nothing of charging. Deterministic: one thread, HiGHS' own fixed seed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulator.charging.controllers.view import F64, I64

_TOLERANCE = 1e-9


class Rows:
    """Columns with cost and bounds, rows with bounds, and the entries between them."""

    def __init__(self) -> None:
        self._columns: list[tuple[F64, F64, F64]] = []
        self._rows: list[tuple[F64, F64]] = []
        self._entries: list[tuple[I64, I64, F64]] = []
        self.width = 0
        self.height = 0

    def columns(self, cost: F64, low: F64 | float, high: F64 | float) -> I64:
        """Add columns; their numbers."""
        n = len(cost)
        self._columns.append((cost, _spread(low, n), _spread(high, n)))
        self.width += n
        return np.arange(self.width - n, self.width)

    def rows(self, low: F64, high: F64) -> I64:
        """Add rows ``low <= row <= high``; their numbers."""
        self._rows.append((low, high))
        self.height += len(low)
        return np.arange(self.height - len(low), self.height)

    def entries(self, row: I64, column: I64, value: F64 | float) -> None:
        """Add coefficients, one by row and column each."""
        self._entries.append((row, column, _spread(value, len(row))))

    def arrays(self) -> tuple[list[F64], list[F64], tuple[I64, I64, F64]]:
        """Columns (cost, low, high), rows (low, high) and entries by row."""
        columns = [np.concatenate(part) for part in zip(*self._columns, strict=True)]
        rows = [np.concatenate(part) for part in zip(*self._rows, strict=True)]
        row, column, value = (np.concatenate(part) for part in zip(*self._entries, strict=True))
        order = np.argsort(row, kind="stable")
        start = np.zeros(self.height + 1, np.int64)
        np.cumsum(np.bincount(row, minlength=self.height), out=start[1:])
        return columns, rows, (start, column[order], value[order])


def _spread(value: F64 | float, n: int) -> F64:
    return np.broadcast_to(np.asarray(value, np.float64), n)


def solve(program: Rows) -> F64:
    """The values of the columns at the least cost.

    Raises RuntimeError if HiGHS finds none: the programs built here always have one.
    """
    import highspy

    (cost, low, high), (row_low, row_high), (start, index, value) = program.arrays()
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = program.width, program.height
    model.col_cost_, model.col_lower_, model.col_upper_ = cost, low, high
    model.row_lower_, model.row_upper_ = row_low, row_high
    model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    model.a_matrix_.num_col_, model.a_matrix_.num_row_ = program.width, program.height
    model.a_matrix_.start_ = start.astype(np.int32)
    model.a_matrix_.index_ = index.astype(np.int32)
    model.a_matrix_.value_ = value
    solver = highspy.Highs()  # type: ignore[no-untyped-call]
    for option, setting in (
        ("output_flag", False),
        ("threads", 1),
        ("primal_feasibility_tolerance", _TOLERANCE),
        ("dual_feasibility_tolerance", _TOLERANCE),
    ):
        solver.setOptionValue(option, setting)
    solver.passModel(model)
    solver.run()
    if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        status = solver.modelStatusToString(solver.getModelStatus())
        raise RuntimeError(f"HiGHS ended without an optimum: {status}")
    found: NDArray[np.float64] = np.asarray(solver.getSolution().col_value, np.float64)
    return np.clip(found, low, high)
