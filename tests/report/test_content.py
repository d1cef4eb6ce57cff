"""What the report says: the figures of the summary, the identity, the verdict in words."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simulator.report import brief, render
from simulator.report.reading import Reading
from simulator.report.write import build
from simulator.store import read_run

Make = Callable[..., Path]


def plain(path: Path) -> str:
    """The Markdown report without its escapes and narrow spaces."""
    text = path.read_text("utf-8").replace("\u202f", " ")
    return re.sub(r"\\(.)", r"\1", text)


def summary(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "summary.json").read_text())
    return found


def remade(make: Make, name: str, **changes: Any) -> Path:
    """A run with changes to its summary."""
    first = make(f"{name}-first", tables=False)
    return make(name, summary=summary(first) | changes, tables=False)


def grouped(n: float) -> str:
    return f"{n:,.0f}".replace(",", " ")


def test_a_live_report_holds_the_figures_of_its_summary(live_report: Path) -> None:
    run = live_report
    text, facts = plain(run / "report.md"), summary(run)
    for value in facts["calls"].values():
        assert grouped(value) in text
    for action, kinds in facts["latency_ms"].items():
        row = f"| {'all types' if action == '*' else action} | {grouped(kinds['response']['n'])} "
        assert row in text
    for name, value in facts["transactions"].items():
        shown = "not known" if value is None else grouped(value)
        assert f"| {name.replace('_', ' ')} | {shown} |" in text
    for name, value in facts["errors"].items():
        assert f"**{name}** ({value} times)" in text
    assert "998 of 1 000 stations, 152 calls/s, p95 response 18.5 ms" in text


def test_the_identity_of_calls_is_an_equation_that_is_checked(
    live_run: Make, live_report: Path
) -> None:
    run = live_report
    assert (
        "16 930 planned = 16 920 answered + 5 CALLERROR + 2 timeout + 0 connection lost"
        " + 3 censored + 0 skipped" in plain(run / "report.md")
    )
    assert "The counts add up." in plain(run / "report.md")
    calls = summary(run)["calls"]
    calls |= {"answered": calls["answered"] - 2}
    wrong = live_run("wrong", summary=summary(run) | {"calls": calls}, tables=False)
    render(wrong)
    text = plain(wrong / "report.md")
    assert "The counts do not add up: 2 without an end." in text
    assert "The counts add up." not in text


@pytest.mark.parametrize(
    ("verdict", "reasons", "words"),
    [
        ("PASS", ["all 3 clauses of the SLO are met"], "PASS because all 3 SLO clauses hold and"),
        ("NO_SLO", ["the scenario requires nothing"], "NO_SLO because the scenario requires"),
        (
            "SLO_MISSED",
            ["errors.ratio < 0.01 %: 0.0004133 ratio"],
            "SLO_MISSED because 1 of 3 SLO clauses does not hold: "
            "errors.ratio < 0.01 % is 0.0413 %.",
        ),
        (
            "INVALID",
            ["loop_lag_p99: 1.31 ms, limit 10 (shard 1: p99 of 2400 probes)"],
            "INVALID because the generator did not keep up with its own plan: lag of the event "
            "loop, p99 is 1.31 ms, limit 10 ms (shard 1: p99 of 2400 probes).",
        ),
        ("INTERRUPTED", ["Ctrl-C"], "INTERRUPTED because Ctrl-C."),
        ("SHARD_LOST", ["shard 0 died", "shard 1 died"], "SHARD_LOST, for the reasons below."),
    ],
)
def test_the_verdict_is_said_in_words(
    live_run: Make, verdict: str, reasons: list[str], words: str
) -> None:
    run = remade(live_run, "run", verdict=verdict, reasons=reasons)
    render(run)
    assert words in plain(run / "report.md")
    html = (run / "report.html").read_text("utf-8")
    assert f'<p class="verdict">{verdict}</p>' in html
    if len(reasons) > 1:
        assert all(f"<li>{reason}</li>" in html for reason in reasons)


def test_each_slo_clause_stands_with_value_limit_margin_and_n(live_report: Path) -> None:
    run = live_report
    text = plain(run / "report.md")
    assert "| p95(*.response) < 500 ms | holds | 18.5 ms | 500 ms | +482 ms | 16 920 |" in text
    assert "| errors.ratio < 0.01 % | missed | 0.0413 % | 0.01 % | −0.0313 % | 16 927 |" in text
    assert (
        "| transactions.unacknowledged = 20 (n too small: <b>) | holds | 20 | 20 | 0 | 20 |" in text
    )


def test_a_clause_that_does_not_apply_is_neither_green_nor_red(live_run: Make) -> None:
    text, note = "p99(StartTransaction.response) < 2 s", "not applicable: nobody can send it"
    clause = {"text": text, "value": None, "limit": 2.0, "unit": "s", "margin": None, "n": 0}
    rows = [
        clause | {"text": "calls.timeout = 0", "value": 0, "unit": "count", "ok": True, "note": ""},
        clause | {"ok": True, "applies": False, "note": note},
    ]
    reasons = ["all 1 clauses of the SLO that apply are met", f"{text}: {note}"]
    run = remade(live_run, "run", verdict="PASS", slo=rows, reasons=reasons)
    render(run)
    page = plain(run / "report.md")
    assert "PASS because 1 of 2 SLO clauses applies and holds and the generator kept up" in page
    assert f"| {text} ({note}) | not applicable |" in page
    assert f"{text} is {note}" in page
    assert f"{text} is {note}" in brief(run)


def test_an_error_comes_with_its_first_example_and_the_frames_before_it(live_report: Path) -> None:
    run = live_report
    html = (run / "report.html").read_text("utf-8")
    assert "at 31.2\u202fs, station CSW-ring-road-0042" in html
    assert html.count("<li><code>") == 20
    assert "<details><summary>The last 20 frames of this station</summary>" in html


def test_predicted_and_measured_stand_side_by_side_for_each_type(live_report: Path) -> None:
    run = live_report
    text = plain(run / "report.md")
    assert "| Authorize | 900 | 897 | −3 | −0.333 % | 2 | 2 |" in text
    assert "| Heartbeat | 40 | 40 | 0 | 0 % |" in text
    assert "TriggerMessage" not in text
    assert "On this run they do not agree with it at every station." in text


def test_events_that_are_neither_errors_nor_deviations_are_listed(live_report: Path) -> None:
    text = plain(live_report / "report.md").partition("## Events")[2].partition("##")[0]
    assert "| CSMS lost | 1 | 66.5 s | the embedded CSMS is gone" in text
    assert "late" not in text
    assert "callerror" not in text


def test_deviations_and_the_way_the_plan_was_played_are_told(live_report: Path) -> None:
    text = plain(live_report / "report.md")
    assert "| late start | 4 | The authorisation came so late" in text
    assert "| plan played from | 2026-06-01 17:00 |" in text
    assert "| visits too short to be played | 12 |" in text


def test_a_compressed_run_says_so_and_a_run_at_true_speed_does_not(
    live_run: Make, live_report: Path
) -> None:
    run = live_report
    assert "Accelerated: the plan was compressed 60 times." in plain(run / "report.md")
    true = live_run("true", summary=summary(run) | {"speed": 1.0}, tables=False)
    render(true)
    assert "ccelerated" not in plain(true / "report.md")


def test_censored_calls_are_named_with_the_age_of_the_oldest(live_report: Path) -> None:
    run = live_report
    assert "3 calls were due and unanswered when the run ended, the oldest for 2.21 s." in plain(
        run / "report.md"
    )


def test_how_to_repeat_the_run_names_command_seed_and_version(live_report: Path) -> None:
    run = live_report
    text = plain(run / "report.md")
    assert "chargeswarm live city-launch.toml --seed 42" in text
    assert "| seed | 42 |" in text
    assert "| chargeswarm | 0.1.0 |" in text


def test_a_run_from_python_gets_the_command_line_that_repeats_it(simulation_run: Make) -> None:
    run = simulation_run(tables=False, command=None, stations=48, duration_s=604800.0)
    render(run)
    text = plain(run / "report.md")
    assert (
        "chargeswarm simulate city-launch.toml --seed 42 --stations 48 --duration 604800s" in text
    )


def test_a_simulation_holds_the_figures_of_its_summary(simulation_report: Path) -> None:
    run = simulation_report
    text = plain(run / "report.md")
    assert "48 stations, 7 d: 1 973 sessions, 44.3 MWh, peak 1 535 kW" in text
    for outcome, n in summary(run)["sessions"].items():
        assert f"| {outcome} | {grouped(n)} |" in text
    for action, n in summary(run)["messages"].items():
        assert f"| {action} | {grouped(n)} |" in text
    for site in summary(run)["peak_kw"]:
        assert f"| {site} | 12 | 16 | " in text
    assert "| ring-road ×3 | 36 | 48 | " in text
    assert "| not served | 912 kWh |" in text
    assert "chargeswarm simulate city-launch.toml --duration 7d" in text


def test_markdown_and_html_name_the_same_sections(
    live_report: Path, simulation_report: Path
) -> None:
    for run in (live_report, simulation_report):
        html = (run / "report.html").read_text("utf-8")
        titles = re.findall(r"<h2>(.*?)</h2>", html)
        assert titles == re.findall(r"^## (.*)$", plain(run / "report.md"), re.M)
        assert "Method" in titles
        assert "How to repeat this run" in titles


def test_the_terminal_gets_the_first_screen_as_plain_text(live_run: Make, evil: str) -> None:
    run = remade(live_run, "run", verdict="INTERRUPTED", reasons=["\x1b[2Jgone"])
    text = brief(run)
    assert "998 of 1 000 stations" in text.replace("\u202f", " ")
    assert "p95(*.response) < 500 ms" in text
    assert "n too small" in text
    assert "\x1b" not in text
    assert str(run) in text
    assert not (run / "report.html").exists()


def test_the_sums_of_the_messages_survive_the_change_of_step(live_run: Make) -> None:
    series = Reading(read_run(live_run())).messages()
    assert series is not None
    for steps in (7, 13, 60, 1000):
        coarse = series.coarser(steps)
        width = [coarse.unit_s] * len(coarse.seconds)
        width[-1] = len(series.seconds) * series.unit_s - coarse.unit_s * (len(width) - 1)
        for name, rates in series.predicted.items():
            found = sum(r * w for r, w in zip(coarse.predicted[name], width, strict=True))
            assert found == pytest.approx(rates.sum() * series.unit_s)


def test_the_page_names_each_plot_once(live_run: Make) -> None:
    names = [plot.name for plot in build(read_run(live_run())).plots]
    assert len(names) == len(set(names))


def test_a_simulation_shows_what_planners_draw(simulation_run: Make) -> None:
    names = [plot.name for plot in build(read_run(simulation_run())).plots]
    assert {"load-duration", "load-week", "waiting-tail", "utilisation-by-site"} <= set(names)


def test_where_nobody_waited_one_sentence_says_so(simulation_run: Make) -> None:
    run = remade(simulation_run, "idle", wait={"visits": 148, "waited": 0})
    text = plain(render(run).parent / "report.md")
    assert "Nobody waited: each of 148 visits found a free EVSE at once." in text
    assert "wait longer" not in text and "nobody ever had to wait" not in text


@pytest.mark.parametrize(("arrivals", "times"), [("home", 2), (None, 0)])
def test_one_run_of_a_random_scenario_says_so_where_chance_matters(
    arrivals: str | None, times: int, simulation_run: Make
) -> None:
    run = simulation_run()
    manifest = json.loads((run / "manifest.json").read_text("utf-8"))
    for site in manifest["scenario"]["sites"]:
        site["arrivals"] = arrivals
    (run / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    text = plain(render(run).parent / "report.md")
    assert text.count("one run cannot tell") == times


def test_looser_rules_and_what_tcp_lost_are_told_first(live_run: Make) -> None:
    run = remade(
        live_run,
        "looser",
        loosened=[{"name": "loop_lag_p99", "text": "loop_lag_p99 50 ms (default 10)"}],
        remarks=[{"name": "tcp_retransmits", "count": 7, "text": "7 TCP segments were sent again"}],
    )
    render(run)
    text = plain(run / "report.md")
    for told in (text, brief(run)):
        assert "The scenario loosens the rules of validity: loop_lag_p99 50 ms (default 10)" in told
        assert "7 TCP segments were sent again" in told
    assert "loosens" not in brief(live_run("usual"))
