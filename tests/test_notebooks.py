"""Every notebook runs from top to bottom, where an event loop already runs, and shows no junk."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

HOME = Path(__file__).parents[1]
NOTEBOOKS = sorted((HOME / "notebooks").glob("*.ipynb"))
RUNS = {
    "01-first-look": ["notebook-day", "notebook-live"],
    "02-smart-charging": [],
    "03-how-many-chargers": [],
}
"""Run folders that a notebook leaves behind."""
MOST_BYTES = 1_500_000

# Anything that looks like a place on somebody's machine; SVG and HTML have closing tags instead.
_PLACE = re.compile(r"(?<![\w<.:/])(?:/(?:home|root|tmp|usr|var|opt|work|Users|private)/|[A-Z]:\\)")
_PICTURES = ("image/png", "image/jpeg")


def test_every_notebook_is_known() -> None:
    assert [path.stem for path in NOTEBOOKS] == sorted(RUNS)


@pytest.mark.notebook
@pytest.mark.process
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_the_notebook_runs_from_top_to_bottom(path: Path, tmp_path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    NotebookClient(
        notebook, timeout=240, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    ).execute()
    runs = sorted(p.parent.name for p in tmp_path.glob("results/*/summary.json"))
    assert runs == RUNS[path.stem]
    assert {p.name for p in tmp_path.iterdir()} == ({"results"} if runs else set())
    assert junk(notebook, (tmp_path, HOME, Path.home(), Path(tempfile.gettempdir()))) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_the_notebook_was_saved_with_the_results_of_one_run(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert any(cell.outputs for cell in code)
    assert junk(notebook) == []
    assert path.stat().st_size < MOST_BYTES


@pytest.mark.parametrize(
    "output",
    [
        {"output_type": "error", "ename": "KeyError", "evalue": "x", "traceback": []},
        {"output_type": "stream", "name": "stderr", "text": "FutureWarning: soon"},
        {"output_type": "stream", "name": "stdout", "text": "wrote /home/me/results/a"},
        {"output_type": "display_data", "data": {"text/html": "<pre>C:\\runs</pre>"}},
    ],
)
def test_junk_is_seen(output: dict[str, Any]) -> None:
    cell = nbformat.from_dict({"cell_type": "code", "execution_count": 1, "outputs": [output]})
    assert len(junk(nbformat.from_dict({"cells": [cell]}))) == 1


def junk(notebook: Any, places: tuple[Path, ...] = ()) -> list[str]:
    """Outputs that are errors, went to stderr, or name a place outside the notebook's folder."""
    found = []
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            shown = {mime: value for mime, value in data.items() if mime not in _PICTURES}
            text = output.get("text", "") + "\n".join(
                value if isinstance(value, str) else json.dumps(value) for value in shown.values()
            )
            stray = output.output_type == "error" or output.get("name") == "stderr"
            if stray or _PLACE.search(text) or any(str(place) in text for place in places):
                found.append(f"cell {cell.execution_count}: {output.output_type} {text[:200]}")
    return found
