"""Table 2: every method on the full ranking, with published numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ilora.artifacts.parquet import read_table
from ilora.data.protocol_names import CHRONOLOGICAL
from ilora.datasets.declaration import PublishedRanking
from ilora.datasets.register import DATASETS
from ilora.evaluation.schemas import DIFFERENCES, RANKING_SUMMARY
from ilora.evaluation.variation import Variation
from ilora.layout import TABLES
from ilora.methods.register import LANGUAGE_MODEL_METHODS
from ilora.plotting.html_page import html_page, html_table, section
from ilora.plotting.labels import dataset_label, method_label, p_value
from ilora.plotting.latex_table import Row, latex_table
from ilora.plotting.markdown_table import markdown_table
from ilora.reporting import captions
from ilora.reporting.declaration import Given, Wildcards
from ilora.reporting.document import Document

if TYPE_CHECKING:
    from ilora.configuration.study import StudyConfig
    from ilora.study.study import Study

_NOTHING = "–"
_TITLE, _PUBLISHED_TITLE = "Table 2: full ranking", "Published: reference data, not measured here"
_LEAD = "How high each method ranks the right item among all items of the data set."
_SPLITS = {"test": "test", "val": "validation"}

#: Metrics shown with their intervals.
_WITH_INTERVAL = ("recall@10", "ndcg@10")

#: A method on one data set and split: metrics by name, and the difference from the reference, if there is one.
_Method = dict[str, Any]


def table2_to_html(summary: pa.Table, differences: pa.Table, settings: Mapping[str, Any]) -> str:
    """Return Table 2 as one page.

    Args:
        summary: of the schema `ilora.evaluation.schemas.RANKING_SUMMARY`.
        differences: of the schema `ilora.evaluation.schemas.DIFFERENCES`.
        settings: from `table2_settings`.
    """
    body = html_table(_headers(summary, settings), _rows(summary, differences))
    published = _published_rows(summary)
    if published:
        body += section(_PUBLISHED_TITLE, html_table(_published_headers(summary), published))
    return html_page(_TITLE, _LEAD, body, _notes(summary, settings))


def table2_to_latex(summary: pa.Table, differences: pa.Table, settings: Mapping[str, Any]) -> str:
    """Return Table 2 and the published numbers, each as a `tabular`; arguments as of `table2_to_html`."""
    text = latex_table(_headers(summary, settings), _rows(summary, differences), _notes(summary, settings))
    published = _published_rows(summary)
    if published:
        text += "\n" + latex_table(_published_headers(summary), published, [_PUBLISHED_TITLE])
    return text


def table2_to_markdown(summary: pa.Table, differences: pa.Table, settings: Mapping[str, Any]) -> str:
    """Return a table for each data set and split, published numbers and notes; arguments as of `table2_to_html`."""
    headers = _headers(summary, settings)
    blocks = [_titled(name, headers, rows) for name, rows in _blocks(summary, differences).items()]
    published = _published_rows(summary)
    if published:
        blocks.append(_titled(_PUBLISHED_TITLE, _published_headers(summary), published))
    notes = "".join(f"- {note}\n" for note in _notes(summary, settings))
    return "\n".join([*blocks, notes])


def _titled(title: str, headers: list[str], rows: list[list[str]]) -> str:
    return f"**{title}**\n\n{markdown_table(headers, rows)}"


def table2_settings(config: StudyConfig) -> dict[str, Any]:
    """Return the settings of a study that the table mentions."""
    return {
        "reference": config.full_ranking.reference,
        "leaves_seen_out": config.full_ranking.leaves_seen_out,
        "maximum_history": config.data.maximum_history,
    }


def _metrics(summary: pa.Table) -> list[str]:
    return list(dict.fromkeys(summary["metric"].to_pylist()))


def _headers(summary: pa.Table, settings: Mapping[str, Any]) -> list[str]:
    return ["Method", "Trained", *map(_heading, _metrics(summary)), f"{method_label(settings['reference'])} minus it"]


def _heading(metric: str) -> str:
    from ilora.evaluation.full_ranking import ranking_label

    return ranking_label(metric)


def _methods(summary: pa.Table, differences: pa.Table) -> list[_Method]:
    """Return the methods, by data set and split, in the order of the summary."""
    keys = ("dataset", "protocol", "split", "method", "backbone")
    methods: dict[tuple[str, ...], _Method] = {}
    for row in summary.to_pylist():
        method = methods.setdefault(tuple(row[key] for key in keys), {**row, "metrics": {}, "difference": None})
        method["metrics"][row["metric"]] = row
    for row in differences.to_pylist():
        key = (row["dataset"], row["protocol"], row["split"], row["second"], row["second_backbone"])
        methods[key]["difference"] = row
    order = {data: place for place, data in enumerate(dict.fromkeys(key[:2] for key in methods))}
    return sorted(methods.values(), key=lambda row: (order[row["dataset"], row["protocol"]], row["split"] != "test"))


def _rows(summary: pa.Table, differences: pa.Table) -> list[Row]:
    return [row for heading, rows in _blocks(summary, differences).items() for row in (heading, *rows)]


def _blocks(summary: pa.Table, differences: pa.Table) -> dict[str, list[list[str]]]:
    """Return the rows below each heading."""
    blocks: dict[str, list[list[str]]] = {}
    for method in _methods(summary, differences):
        heading = (
            f"{dataset_label(method['dataset'])} ({method['protocol']} protocol), {_SPLITS[method['split']]}: "
            f"{method['n']:,} users, {method['ranked_items']:,.0f} items ranked"
        )
        cells = [_cell(method["metrics"].get(metric)) for metric in _metrics(summary)]
        row = [method_label(method["method"]), _trainings(method), *cells, _difference(method["difference"])]
        blocks.setdefault(heading, []).append(row)
    return blocks


def _cell(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return _NOTHING
    spread = "" if row["sd"] is None else f" ± {row['sd']:.4f}"
    interval = f" [{row['low']:.4f}, {row['high']:.4f}]" if row["metric"] in _WITH_INTERVAL else ""
    return f"{row['value']:.4f}{spread}{interval}"


def _trainings(row: Mapping[str, Any]) -> str:
    if row["covers"] == Variation.USERS:
        return _NOTHING
    return "once" if row["seeds"] == 1 else f"{row['seeds']} times"


def _difference(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return _NOTHING
    return f"{row['value']:+.4f} [{row['low']:+.4f}, {row['high']:+.4f}], {p_value(row['p_holm'])}"


def _published(summary: pa.Table) -> list[tuple[str, PublishedRanking]]:
    data = dict.fromkeys((row["dataset"], row["protocol"]) for row in summary.to_pylist())
    return [
        (dataset, row)
        for dataset, protocol in data
        if dataset in DATASETS and protocol == CHRONOLOGICAL
        for row in DATASETS[dataset].published.full_ranking
    ]


def _published_headers(summary: pa.Table) -> list[str]:
    return ["Data set", "Method", *map(_heading, _metrics(summary)), "Measured by", "Remark"]


def _published_rows(summary: pa.Table) -> list[list[str]]:
    metrics = _metrics(summary)
    return [
        [
            dataset_label(dataset),
            row.method,
            *(f"{row.values[metric]:.4f}" if metric in row.values else _NOTHING for metric in metrics),
            row.source,
            row.remark or _NOTHING,
        ]
        for dataset, row in _published(summary)
    ]


def _notes(summary: pa.Table, settings: Mapping[str, Any]) -> list[str]:
    from ilora.evaluation.full_ranking import ranking_notes

    seen = (
        "Items that the user had before the target are excluded"
        if settings["leaves_seen_out"]
        else ("Items that the user had before the target are ranked, too")
    )
    confidence = summary["confidence"][0].as_py()
    return [
        "Each target is ranked among all items of the data set, not among candidates; with one target, Recall@k is the "
        f"hit ratio at k. {seen}; a history has at most the latest {settings['maximum_history']} items.",
        "Items with equal scores share their ranks, and a target gets the mean metric over them. A method that answers "
        "with a list leaves all other items tied behind it.",
        f"Brackets are {confidence:.0%} intervals, over users and, where a method is trained several times, trainings; "
        "± is the standard deviation over trainings. With one training, intervals do not cover run-to-run variance.",
        f"{method_label(settings['reference'])} minus it: NDCG@10, paired by user; p by the sign-flip test over users, "
        "Holm-corrected over the rows of a split of all data sets. With several trainings, p accounts for them as the "
        "interval does.",
        *_notes_of_language_models(summary),
        *ranking_notes(_metrics(summary)),
    ]


def _notes_of_language_models(summary: pa.Table) -> list[str]:
    rows = [row for row in summary.to_pylist() if row["method"] in LANGUAGE_MODEL_METHODS]
    if not rows:
        return []
    methods, backbones = (dict.fromkeys(row[key] for row in rows) for key in ("method", "backbone"))
    return [
        f"{', '.join(map(method_label, methods))}: prompts list no candidates, and an item's score is the "
        "log-probability of its title and the end of the answer, computed for every title of the data set. "
        f"Backbone: {', '.join(backbones)}."
    ]


def _caption(study: Study, wildcards: Wildcards) -> str:
    return (
        "How high each method ranks the right item among all items: Recall, NDCG and MRR. Data sets "
        f"{', '.join(study.config.datasets)}, protocol {study.config.protocol}, {captions.seeds(study)}. Brackets are "
        f"{captions.confidence(study)} intervals over {captions.covered(study)}. Published numbers are listed "
        "separately, as reference data."
    )


def _make(given: Given) -> Mapping[str, pa.Table | str]:
    summary = read_table(given.inputs["summary"], RANKING_SUMMARY)
    differences = read_table(given.inputs["differences"], DIFFERENCES)
    formats: dict[str, Callable[[pa.Table, pa.Table, Mapping[str, Any]], str]] = {
        "html": table2_to_html,
        "md": table2_to_markdown,
        "tex": table2_to_latex,
    }
    return {name: write(summary, differences, given.settings) for name, write in formats.items()}


DOCUMENT = Document(
    folder=TABLES,
    path="table2",
    formats=("html", "md", "tex"),
    inputs=lambda study: {"summary": study.layout.ranking_summary, "differences": study.layout.ranking_differences},
    settings=lambda study, wildcards: table2_settings(study.config),
    caption=_caption,
    category="Tables",
    labels=lambda study: {"table": "Table 2", "data set": "all", "backbone": "none"},
    wildcards=lambda study: study.targets.full_ranking.of_the_study(),
    make=_make,
)
