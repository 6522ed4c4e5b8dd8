"""Ids of generative recommenders: codebook usage, items that share an id, and beams that are ids."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ilora.artifacts.parquet import read_table
from ilora.generative.schemas import BEAM_STATISTICS, ID_STATISTICS, WHOLE_ID
from ilora.layout import TABLES, Run, parse_run
from ilora.plotting.html_page import Row, html_page, html_table
from ilora.plotting.labels import dataset_label, method_label
from ilora.reporting.declaration import Given, Wildcards
from ilora.reporting.document import Document

if TYPE_CHECKING:
    from ilora.study.study import Study

_HEADERS = ("Level", "Codes used", "Share", "Perplexity", "Items of the most frequent", "Items that share theirs")
_LEAD = "How well the ids of generative recommenders tell items apart: codes in use, and items that share an id."
_NOTES = (
    "Perplexity is the effective number of codes: all of them if items spread evenly, 1 in a collapsed codebook.",
    "Items with the same id share its ranks in Table 2. The metrics by id there count a target as found if its id is "
    "found, however many items share it.",
    "Free beams come from a search that is not restricted to ids of items. The search behind the ranks is restricted, "
    "so all of its beams are ids.",
)


def ids_to_html(statistics: Mapping[Run, pa.Table], beams: Mapping[Run, pa.Table]) -> str:
    """Return the table as one page.

    Args:
        statistics: of the schema `ilora.generative.schemas.ID_STATISTICS`, by run.
        beams: of the schema `ilora.generative.schemas.BEAM_STATISTICS`, by run; empty without a full ranking.
    """
    rows = [row for run, table in statistics.items() for row in _rows(run, table, beams.get(run))]
    return html_page("Ids of generative recommenders", _LEAD, html_table(_HEADERS, rows), _NOTES)


def _rows(run: Run, statistics: pa.Table, beams: pa.Table | None) -> Iterator[Row]:
    found = [] if beams is None else beams.to_pylist()
    free = [f"{row['valid_share']:.4f} of {row['beams']} free beams ({row['split']}) are ids" for row in found]
    data = f"{dataset_label(run.dataset)} ({run.protocol} protocol)"
    yield "; ".join([f"{data}, {method_label(run.method)}, seed {run.seed}", *free])
    for row in statistics.to_pylist():
        is_whole = row["level"] == WHOLE_ID
        yield [
            "whole id" if is_whole else row["level"],
            f"{row['used']:,} for {row['size']:,} items" if is_whole else f"{row['used']:,} of {row['size']:,}",
            f"{row['use']:.3f}",
            f"{row['perplexity']:,.1f}",
            f"{row['largest_group']:,}",
            "–" if row["sharing_items"] is None else f"{row['sharing_items']:,}",
        ]


def _caption(study: Study, wildcards: Wildcards) -> str:
    return (
        "How well the ids of generative recommenders tell items apart: codes in use at every level, and items that "
        f"share an id. Data sets {', '.join(study.config.datasets)}, protocol {study.config.protocol}, seeds "
        f"{', '.join(map(str, study.config.seeds))}."
    )


def _make(given: Given) -> Mapping[str, str]:
    statistics = _by_run(given.inputs["statistics"], ID_STATISTICS)
    return {"html": ids_to_html(statistics, _by_run(given.inputs["beams"], BEAM_STATISTICS))}


def _by_run(paths: Iterable[str], schema: pa.Schema) -> dict[Run, pa.Table]:
    return {parse_run(PurePath(path).parent): read_table(path, schema) for path in paths}


def _inputs(study: Study) -> dict[str, Any]:
    generative, layout = study.targets.generative, study.layout
    beams = generative.of_own_runs(layout.beam_statistics) if study.config.full_ranking.enabled else []
    return {"statistics": generative.of_own_runs(layout.id_statistics), "beams": beams}


def _wildcards(study: Study) -> list[Wildcards]:
    return [{}] if study.generators else []


DOCUMENT = Document(
    folder=TABLES,
    path="id_statistics",
    formats=("html",),
    inputs=_inputs,
    caption=_caption,
    category="Tables",
    labels=lambda study: {"table": "ids", "data set": "all", "backbone": "none"},
    wildcards=_wildcards,
    make=_make,
)
