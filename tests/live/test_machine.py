"""The machine's counters, read from made-up files of either generation of control groups."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.live.machine import Machine, control_groups

STAT = "cpu  100 0 50 800 10 0 5 35 7 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n"
SNMP = "Tcp: RtoMin RetransSegs InErrs\nTcp: 200 27 0\nUdp: RetransSegs\nUdp: 9\n"
NETSTAT = "TcpExt: ListenOverflows ListenDrops\nTcpExt: 4 5\n"


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    folder = tmp_path / "proc"
    (folder / "net").mkdir(parents=True)
    (folder / "self").mkdir()
    (folder / "stat").write_text(STAT)
    (folder / "net" / "snmp").write_text(SNMP)
    (folder / "net" / "netstat").write_text(NETSTAT)
    return folder


def groups(proc: Path, memberships: str, mounts: str) -> None:
    (proc / "self" / "cgroup").write_text(memberships)
    (proc / "self" / "mountinfo").write_text(mounts)


def test_version_2_counts_the_own_group_and_those_around_it(proc: Path, tmp_path: Path) -> None:
    root = tmp_path / "cg"
    for path, throttled in (("", None), ("slice", 3), ("slice/unit", 4)):
        (root / path).mkdir(parents=True, exist_ok=True)
        text = "usage_usec 9\n" if throttled is None else f"nr_throttled {throttled}\n"
        (root / path / "cpu.stat").write_text(text + "throttled_usec 2000000\n")
    groups(proc, "0::/slice/unit\n", f"1 0 0:1 / {root} rw - cgroup2 cgroup2 rw\n")
    sample = Machine(proc).read(1.5)
    assert (sample.at_s, sample.throttled, sample.throttled_s) == (1.5, 7, 4.0)


def test_version_1_counts_where_the_cpu_controller_is_mounted(proc: Path, tmp_path: Path) -> None:
    inside = tmp_path / "cpu" / "inside"
    inside.mkdir(parents=True)
    (inside / "cpu.stat").write_text("nr_periods 8\nnr_throttled 6\nthrottled_time 500000000\n")
    mounts = (
        f"1 0 0:1 /box {tmp_path / 'cpu'} rw - cgroup cgroup rw,cpuacct,cpu\n"
        f"2 0 0:2 / {tmp_path / 'mem'} rw - cgroup cgroup rw,memory\n"
    )
    groups(proc, "3:memory:/box\n2:cpuacct,cpu:/box/inside\n", mounts)
    assert control_groups(proc) == (inside / "cpu.stat",)
    sample = Machine(proc).read(0.0)
    assert (sample.throttled, sample.throttled_s) == (6, 0.5)


def test_stolen_time_and_what_tcp_lost(proc: Path) -> None:
    sample = Machine(proc).read(0.0)
    assert sample.steal_s is not None and sample.cpu_s is not None
    assert sample.steal_s / sample.cpu_s == pytest.approx(0.035)
    assert (sample.retransmits, sample.listen_drops) == (27, 5)
    assert sample.throttled is None


def test_a_system_without_such_files_tells_nothing(tmp_path: Path) -> None:
    sample = Machine(tmp_path / "nowhere").read(2.0)
    assert (sample.throttled, sample.cpu_s, sample.steal_s, sample.retransmits) == (None,) * 4


def test_nonsense_is_nothing(proc: Path) -> None:
    (proc / "stat").write_text("cpu 1 2\n")
    (proc / "net" / "snmp").write_text("Tcp: RetransSegs\nTcp:\n")
    (proc / "net" / "netstat").write_text("")
    sample = Machine(proc).read(0.0)
    assert (sample.cpu_s, sample.retransmits, sample.listen_drops) == (None, None, None)
