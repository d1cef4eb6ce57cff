"""The report of a run: ``render(run_path)`` writes report.html, report.md and plots/*.svg.

``brief(run_path)`` gives the first screen as text. Both read a run through ``simulator.store`` and
compute no result of their own: what they print was decided while the run was measured. Importing
this package is cheap; drawing loads matplotlib.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simulator.report.terminal import brief
    from simulator.report.write import render

__all__ = ["brief", "render"]


def __getattr__(name: str) -> Any:
    """Load a function on first use."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name == "render":
        from simulator.report.write import render

        return render
    from simulator.report.terminal import brief

    return brief
