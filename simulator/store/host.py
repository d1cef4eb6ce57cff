"""Facts about the machine and the software for a manifest: enough to judge a number, no more.

No host name, no user, no environment variables.
"""

from __future__ import annotations

import os
import platform
import resource
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = (
    "chargeswarm",
    "simpy",
    "numpy",
    "numba",
    "pandas",
    "pyarrow",
    "uvloop",
    "websockets",
    "ocpp",
    "msgspec",
    "hdrhistogram",
)


def versions() -> dict[str, str | None]:
    """Version of Python and of each package that a result depends on; None if not installed."""
    found: dict[str, str | None] = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = None
    if found["chargeswarm"] is None:  # run from a checkout; an import would close a circle
        found["chargeswarm"] = getattr(sys.modules["simulator"], "__version__", None)
    return found


def host() -> dict[str, Any]:
    """Kernel, architecture, processor, cores usable by this process, memory, open-file limit."""
    import psutil

    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return {
        "system": platform.system(),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "cpu": _cpu_model(),
        "cpus": os.cpu_count(),
        "cpus_usable": usable,
        "cpu_quota": _cgroup_quota(),
        "memory_mb": psutil.virtual_memory().total // 2**20,
        "open_files": {"soft": soft, "hard": hard},
        "implementation": platform.python_implementation(),
    }


def _cpu_model() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor()


def _cgroup_quota() -> float | None:
    """Cores granted by the control group (version 2); None without a limit."""
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        return int(quota) / int(period)
    except (OSError, ValueError):
        return None
