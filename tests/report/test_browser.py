"""The report in a real browser: it opens, runs no script and asks for nothing."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from simulator.report import render

Make = Callable[..., Path]
CHROMIUM = next(
    (p for name in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(name))),
    None,
)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        CHROMIUM is None,
        reason="no Chromium on this machine; test_render proves the same page by its structure",
    ),
]
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)


def opened(page: Path, profile: Path) -> str:
    """The document as the browser holds it after loading."""
    assert CHROMIUM is not None
    done = subprocess.run(
        [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", "--dump-dom", page.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        env={**os.environ, "HOME": str(profile)},
    )
    return done.stdout


def test_the_browser_shows_every_plot_and_runs_no_script(live_run: Make, tmp_path: Path) -> None:
    page = render(live_run())
    text = page.read_text("utf-8")
    # Were any text of the target taken for markup, this would change the document.
    hostile = tmp_path / "page.html"
    hostile.write_text(text.replace('alert("x")', "document.title='run'"), "utf-8")
    found = opened(hostile, tmp_path / "profile")
    assert "<title>city-launch – SLO_MISSED – chargeswarm</title>" in found
    assert found.count("<svg") == text.count("<svg") >= 6
    assert re.search(r'<figure class="wide" id="plot-latency-over-time">', found)
