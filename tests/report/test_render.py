"""The report as files: complete in itself, the same bytes again, escaped, tolerant, small."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pyarrow.parquet as pq
import pytest

from simulator.report import render

Make = Callable[..., Path]
VOID = {"meta", "link", "br", "img", "input", "hr", "path", "use", "rect"}


class Page(HTMLParser):
    """Tags with their attributes, the visible text, and whether tags nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        assert self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in ("style", "script"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).replace("\u202f", " ").split())

    def ids(self) -> list[str]:
        return [value for _, attrs in self.tags if (value := attrs.get("id"))]


@pytest.fixture(params=["live_report", "simulation_report"])
def report(request: pytest.FixtureRequest) -> Path:
    """A run folder with its report, not to be changed."""
    run: Path = request.getfixturevalue(request.param)
    return run


def test_it_writes_html_markdown_and_every_plot_that_the_markdown_names(report: Path) -> None:
    run = report
    named = re.findall(r"\]\((plots/[\w-]+\.svg)\)", (run / "report.md").read_text("utf-8"))
    assert len(named) >= 7
    assert {str(p.relative_to(run)) for p in run.glob("plots/*")} == set(named)


def test_the_page_is_well_formed_and_every_reference_within_it_is_met(report: Path) -> None:
    page = Page((report / "report.html").read_text("utf-8"))
    assert page.open == []
    ids = page.ids()
    assert len(ids) == len(set(ids))
    for _, attrs in page.tags:
        target = attrs.get("href") or attrs.get("xlink:href") or ""
        if target.startswith("#"):
            assert target[1:] in ids
        for value in attrs.values():
            for name in re.findall(r"url\(#([^)]+)\)", value or ""):
                assert name in ids


def test_it_loads_nothing_from_anywhere(report: Path) -> None:
    text = (report / "report.html").read_text("utf-8")
    page = Page(text)
    for tag, attrs in page.tags:
        assert tag not in ("link", "img", "iframe", "object", "embed", "image")
        if tag == "script":
            assert attrs.get("type") == "application/json"
        for name in ("src", "srcset", "data", "action", "poster"):
            assert name not in attrs
        for name in ("href", "xlink:href"):
            assert (attrs.get(name) or "#").startswith("#")
    assert "@import" not in text
    assert re.findall(r"url\((?!#)", text) == []
    names = {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert set(re.findall(r"https?://[^\"'\s<>]+", text)) <= names


def test_it_is_less_than_two_megabytes(report: Path) -> None:
    assert (report / "report.html").stat().st_size < 2_000_000


def test_a_network_of_thousands_of_sites_gives_no_larger_report(simulation_run: Make) -> None:
    run = simulation_run("small")
    names = [f"ring-road#{k}" for k in range(3000)]
    facts = json.loads((run / "summary.json").read_text())
    facts["peak_kw"] = dict.fromkeys(names, 1.0)
    facts["sites"] = [facts["sites"][0] | {"name": name} for name in names]
    table = pq.read_table(run / "load.parquet").to_pandas()
    hour = table[table["site"] == "ring-road"].iloc[:4]
    run = simulation_run("large", summary=facts, tables=False)
    pd.concat([hour.assign(site=name) for name in names]).to_parquet(run / "load.parquet")
    assert render(run).stat().st_size < 2_000_000


def test_a_target_that_fails_in_every_way_gives_no_larger_report(live_run: Make) -> None:
    facts = json.loads((live_run("small", tables=False) / "summary.json").read_text())
    example = {"at_s": 1.0, "station": "CSW-a-0001", "detail": "d" * 500}
    frames = ['[2,"1","X",{"a":"' + '"' * 8000 + '"}]'] * 20
    names = [f"ocpp_callerror(Code{k})" for k in range(120)]
    facts["errors"] = dict.fromkeys(names, 7)
    facts["error_examples"] = [
        {"name": name, "count": 7, "examples": [example | {"frames": frames}]} for name in names
    ]
    run = live_run("large", summary=facts, tables=False)
    assert render(run).stat().st_size < 2_000_000


def test_the_same_run_gives_the_same_bytes(report: Path, tmp_path: Path) -> None:
    def files(run: Path) -> dict[str, bytes]:
        made = [run / "report.html", run / "report.md", *run.glob("plots/*.svg")]
        return {path.name: path.read_bytes() for path in made}

    again = tmp_path / "again"
    shutil.copytree(report, again)
    assert render(again) == again / "report.html"
    assert len(files(again)) >= 9
    assert files(again) == files(report)


def test_every_plot_stands_alone_as_xml_with_its_title(report: Path) -> None:
    text = Page((report / "report.html").read_text("utf-8")).text
    for path in report.glob("plots/*.svg"):
        svg = ElementTree.parse(path).getroot()
        words = [node.text or "" for node in svg.iter("{http://www.w3.org/2000/svg}text")]
        title = words[-1]
        assert title in text
        assert len(words) > 4, f"{path.name} has axes without labels"
        assert "var(" not in path.read_text("utf-8")


def test_the_page_takes_every_colour_of_a_plot_from_its_style_sheet(report: Path) -> None:
    text = (report / "report.html").read_text("utf-8")
    style, drawings = text.split("</style>", 1)
    used = set(re.findall(r"var\((--[\w-]+)\)", text))
    assert used <= set(re.findall(r"(--[\w-]+):", style))
    fixed = re.findall(r"(?:fill|stroke): (#[0-9a-f]{6})", drawings)
    assert fixed == []


def test_it_prints_and_has_a_dark_side(report: Path) -> None:
    text = (report / "report.html").read_text("utf-8")
    assert "@media (prefers-color-scheme:dark)" in text
    assert "@media print" in text
    assert '<meta name="viewport"' in text


def test_old_plots_do_not_outlive_a_new_report(live_run: Make) -> None:
    run = live_run(tables=False)
    (run / "plots").mkdir()
    (run / "plots" / "gone.svg").write_text("<svg/>")
    render(run)
    assert not (run / "plots" / "gone.svg").exists()


def test_the_summary_is_embedded_for_reuse(report: Path) -> None:
    text = (report / "report.html").read_text("utf-8")
    found = re.search(r'<script type="application/json" id="summary">(.*?)</script>', text, re.S)
    assert found is not None
    whole = json.loads((report / "summary.json").read_text())
    embedded = json.loads(found.group(1))
    elsewhere = embedded.pop("not_embedded", [])
    assert embedded == {name: value for name, value in whole.items() if name not in elsewhere}
    assert set(elsewhere) <= {"error_examples"}


def test_words_of_the_target_are_text_and_not_markup(live_run: Make, evil: str) -> None:
    run = live_run(versions={"chargeswarm": evil, evil: "1"}, command=f"chargeswarm {evil}")
    text = render(run).read_text("utf-8")
    assert evil not in text
    page = Page(text)
    assert [tag for tag, _ in page.tags].count("script") == 1
    assert page.text.count(evil) >= 4
    assert "<script" not in re.sub(
        r"^(`{3,})\n.*?^\1$", "", (run / "report.md").read_text("utf-8"), flags=re.S | re.M
    ).replace("\\<script", "")


def test_names_of_the_scenario_are_text_in_the_plots_too(simulation_run: Make, evil: str) -> None:
    run = simulation_run()
    table = pq.read_table(run / "load.parquet").to_pandas()
    table["site"] = table["site"].str.replace("ring-road", f"{evil}$x_1$")
    table.to_parquet(run / "load.parquet")
    text = render(run).read_text("utf-8")
    assert evil not in text
    assert f"{evil}$x_1$" in Page(text).text
    for path in run.glob("plots/*.svg"):
        assert not list(ElementTree.parse(path).getroot().iter("script"))
