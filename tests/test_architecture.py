"""The import rules of the design, kept: the contracts stand in pyproject.toml."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def lint_imports(config: Path) -> subprocess.CompletedProcess[str]:
    code = "from importlinter.cli import lint_imports_command as check; check()"
    return subprocess.run(
        [sys.executable, "-c", code, "--config", str(config), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.process
def test_every_room_imports_only_what_the_design_allows() -> None:
    done = lint_imports(ROOT / "pyproject.toml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Only the kernel touches numba KEPT" in done.stdout


@pytest.mark.process
def test_a_forbidden_import_is_found(tmp_path: Path) -> None:
    config = tmp_path / "pyproject.toml"
    config.write_text(
        "[tool.importlinter]\n"
        'root_package = "simulator"\n'
        "include_external_packages = true\n"
        "[[tool.importlinter.contracts]]\n"
        'name = "The scenario room may not use pydantic"\n'
        'type = "forbidden"\n'
        'source_modules = ["simulator.scenario"]\n'
        'forbidden_modules = ["pydantic"]\n'
    )
    done = lint_imports(config)
    assert done.returncode == 1, done.stdout
    assert "BROKEN" in done.stdout


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = (
        "import sys, simulator\n"
        "print([m for m in ('numba', 'pandas', 'matplotlib', 'simpy', 'asyncio', 'numpy')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
