"""The report of the smoke study: one self-contained file with the numbers of the artifacts."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from checkout import SMOKE, Checkout

pytestmark = pytest.mark.timeout(1200)

PAGES = {
    "tables/table1.html",
    "tables/differences.html",
    "tables/dataset_statistics.html",
    "tables/movielens/error_analysis.html",
    "tables/movielens/answers.html",
    "figures/movielens/hit_ratio.svg",
    "figures/movielens/training_curves.svg",
    "figures/movielens/expert_attention.svg",
    "figures/movielens/answer_categories.svg",
    "figures/movielens/error_breakdowns.svg",
    "report/study.html",
    "report/summary.html",
    "report/stages.svg",
    "report/costs.html",
    "report/deviations.html",
}
LOADING = {"src", "srcset", "poster", "data", "background", "href", "xlink:href"}
ELSEWHERE = re.compile(r"\s*(https?:)?//", re.IGNORECASE)


class Reader(HTMLParser):
    """Collects the URLs that a page loads, and the text of its table cells, row by row."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.rows: list[list[str]] = []
        self._inside = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag != "a":
            self.fetched += [
                value or "" for name, value in attributes if name in LOADING and ELSEWHERE.match(value or "")
            ]
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside in ("td", "th"):
            self.rows[-1][-1] += data
        elif self._inside == "style":
            self.fetched += re.findall(r"@import[^;]*|url\(\s*[\"']?\s*(?:https?:)?//[^)]*", data)


@pytest.fixture(scope="session")
def report(finished: Checkout) -> str:
    """The report as text."""
    process = finished.snakemake(*SMOKE, "--report", "results/smoke/report.html")
    assert process.returncode == 0, process.stdout
    path = finished.results / "report.html"
    text = path.read_text(encoding="utf-8")
    path.unlink()
    return text


@pytest.fixture(scope="session")
def results(report: str) -> dict[str, dict[str, Any]]:
    """The report's entry of each file, by the file's path in the results."""
    found = re.search(r"^\s*var results = (\{.*\});$", report, re.MULTILINE)
    assert found is not None
    return {path.removeprefix("results/smoke/"): result for path, result in json.loads(found[1]).items()}


def page(results: dict[str, dict[str, Any]], path: str) -> str:
    """Return the file as the report holds it."""
    return base64.b64decode(results[path]["data_uri"].partition(";base64,")[2]).decode("utf-8")


def body(results: dict[str, dict[str, Any]], path: str) -> Iterator[list[str]]:
    """Yield the rows of a page's tables that have several cells."""
    return (row for row in Reader(page(results, path)).rows if len(row) > 1)


def test_it_holds_every_page_as_it_lies_in_the_results(finished: Checkout, results: dict[str, dict[str, Any]]) -> None:
    assert set(results) >= PAGES
    for path in results:
        assert page(results, path) == (finished.results / path).read_text(encoding="utf-8"), path


def test_the_first_page_shows_the_stages_in_place_of_all_rules(report: str) -> None:
    assert "Stages of the workflow" in report and "#rulegraph { display: none; }" in report


def test_nothing_is_fetched_from_elsewhere(report: str, results: dict[str, dict[str, Any]]) -> None:
    assert Reader(report).fetched == []
    for path in results:
        text = page(results, path)
        assert Reader(text).fetched == [], path
        assert not re.search(r"\b(fetch|XMLHttpRequest|WebSocket|EventSource|import)\s*\(", text), path
    assert Reader(
        '<img src="//a.b"><link href=" HTTPS://c"><a href="http://d"><style>p{background:url(http://e)}</style>'
    ).fetched == [
        "//a.b",
        " HTTPS://c",
        "url(http://e",
    ]


def test_every_caption_says_what_its_file_was_made_from(results: dict[str, dict[str, Any]]) -> None:
    for path, result in results.items():
        caption = result["caption"]
        assert "{{" not in caption and "system-message" not in caption, path
        if path.startswith(("figures/", "tables/")) and path != "tables/dataset_statistics.html":
            assert "movielens" in caption and "embedded" in caption and "random_users" in caption, path
            assert re.search(r"seeds?\s+1\b", caption) or "(1)" in caption, path


def test_the_numbers_of_table_1_are_those_of_its_parquet_file(
    finished: Checkout, results: dict[str, dict[str, Any]]
) -> None:
    header, *shown = body(results, "tables/table1.html")
    rows = pq.read_table(finished.results / "tables" / "table1.parquet").to_pylist()
    assert len(shown) == len(rows) == 7
    metrics = {
        "HitRatio@1\ntest": "hit_ratio@1_test",
        "HitRatio@1\nvalidation": "hit_ratio@1_val",
        "HitRatio@1\nover valid, test": "hit_ratio@1_over_valid_test",
        "ValidRatio\ntest": "valid_ratio_test",
    }
    assert set(metrics) < set(header)
    for cells, row in zip(shown, rows, strict=True):
        of_column = dict(zip(header, cells, strict=True))
        for column, metric in metrics.items():
            numbers = [row[metric + end] for end in ("", "_low", "_high")]
            expected = "–" if row[metric] is None else "{:.3f}\n[{:.3f}, {:.3f}]".format(*numbers)
            assert of_column[column] == expected
        printed, mark = row["paper_hit_ratio@1"], "†" if row["paper_is_count"] is False else ""
        assert of_column["Paper"].split("\n")[0] == ("–" if printed is None else f"{printed:.4f}{mark}")


def test_the_numbers_of_the_error_tables_are_those_of_their_parquet_file(
    finished: Checkout, results: dict[str, dict[str, Any]]
) -> None:
    analysis = pq.read_table(finished.results / "tables" / "error_analysis.parquet").to_pylist()
    expected = [
        f"{row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}]\nn = {row['n']}"
        for row in analysis
        if row["split"] == "test" and row["value"] is not None
    ]
    cells = [cell for row in body(results, "tables/movielens/error_analysis.html") for cell in row if "\n" in cell]
    assert sorted(cells) == sorted(expected)


def test_the_numbers_of_the_differences_are_those_of_their_parquet_file(
    finished: Checkout, results: dict[str, dict[str, Any]]
) -> None:
    differences = pq.read_table(finished.results / "tables" / "differences.parquet").to_pylist()
    expected = [f"{row['value']:+.3f} [{row['low']:+.3f}, {row['high']:+.3f}]" for row in differences]
    _, *shown = body(results, "tables/differences.html")
    assert sorted(row[1] for row in shown) == sorted(expected)


def test_every_job_is_measured_once(finished: Checkout, results: dict[str, dict[str, Any]]) -> None:
    _, *rules, total = body(results, "report/costs.html")
    benchmarks = finished.results / "benchmarks" / "rules"
    measured = {row[0]: int(row[1]) for row in rules}
    found = {name: len(_benchmarks(benchmarks, name)) for name in measured}
    assert measured == found and {"compute_metrics", "make_table1", "fine_tune", "fine_tune_gated"} <= set(measured)
    assert total[:2] == ["all", str(sum(found.values()))]


def _benchmarks(folder: Path, rule: str) -> list[Path]:
    return [*folder.glob(f"{rule}.tsv"), *(folder / rule).rglob("*.tsv")]


def test_the_answers_are_those_of_the_sample(finished: Checkout, results: dict[str, dict[str, Any]]) -> None:
    samples = sorted((finished.results / "llm").rglob("answer_sample.parquet"))
    answers = [row for path in samples for row in pq.read_table(path).to_pylist()]
    shown = page(results, "tables/movielens/answers.html")
    assert len(samples) == 4 and shown.count('<tr class="answer"') == len(answers)
    assert shown.count('<tr class="question">') == len({(row["sequence_id"], row["draw"]) for row in answers})
