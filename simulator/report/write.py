"""``render``: read a run, build its page, write report.html, report.md and plots/*.svg.

Called by the command line and the public API after a run, and for any run folder later. The same
run gives the same bytes. Everything that came from a target or a scenario is escaped.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from simulator.report import sweep
from simulator.report.page import Page
from simulator.store import Run, read_run
from simulator.store.atomic import write_text
from simulator.store.sweepfolder import is_sweep, read_sweep

if TYPE_CHECKING:
    from jinja2 import Environment

_PACKAGE = "simulator.report"
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|])")


def render(run_path: str | Path) -> Path:
    """Write the report of a run's or a sweep's folder and return the path of its report.html.

    Also writes report.md and plots/*.svg there, replacing older ones. An unfinished or interrupted
    run gives a report that says so and shows what there is. Raises what ``read_run`` raises where
    the folder is no run, and OSError where it cannot be written to.
    """
    folder = Path(run_path)
    page = sweep.page(read_sweep(folder)) if is_sweep(folder) else build(read_run(folder))
    plots = folder / "plots"
    plots.mkdir(exist_ok=True)
    drawn = {f"{plot.name}.svg": plot.svg for plot in page.plots}
    for stale in plots.glob("*.svg"):
        if stale.name not in drawn:
            stale.unlink()
    for name, svg in drawn.items():
        _write(plots / name, '<?xml version="1.0" encoding="utf-8"?>\n' + svg)
    _write(folder / "report.md", markdown(page))
    return _write(folder / "report.html", html(page))


def build(run: Run) -> Page:
    """The page of a run as ``read_run`` returns it."""
    from simulator.report import live, simulation
    from simulator.report.reading import Reading

    reading = Reading(run)
    return live.page(reading) if reading.live else simulation.page(reading)


def html(page: Page) -> str:
    """The page as one self-contained HTML file."""
    from markupsafe import Markup

    environment = _environment(escape=True)
    # Our own style sheet and drawings only; whatever else is printed stays escaped.
    environment.filters["drawn"] = Markup
    style = _template_text("report.css")
    return environment.get_template("report.html.j2").render(page=page, style=style) + "\n"


def markdown(page: Page) -> str:
    """The page as Markdown."""
    environment = _environment(escape=False)
    environment.filters.update(prose=_prose, cell=_cell, fenced=_fenced)
    text = environment.get_template("report.md.j2").render(page=page)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def _environment(*, escape: bool) -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    return Environment(
        loader=FunctionLoader(_template_text), autoescape=escape, undefined=StrictUndefined
    )


def _template_text(name: str) -> str:
    from importlib.resources import files

    return (files(_PACKAGE) / "templates" / name).read_text(encoding="utf-8")


def _prose(value: object) -> str:
    """Text in which nothing is markup; line ends become spaces."""
    return _MARKDOWN.sub(r"\\\1", " ".join(str(value).split(" "))).replace("\n", " ")


def _cell(value: object) -> str:
    return _prose(value).replace("\r", " ") or " "


def _fenced(value: object) -> str:
    """A code block whose fence is longer than any run of backticks inside."""
    text = str(value)
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{text}\n{fence}"


def _write(path: Path, text: str) -> Path:
    write_text(path, text)
    return path
