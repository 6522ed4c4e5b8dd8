"""Table 1: a row per data set and method, with the paper's numbers in separate columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ilora.artifacts.parquet import read_table
from ilora.artifacts.schemas import ITEMS, METRICS
from ilora.evaluation.schemas import DIFFERENCES
from ilora.layout import TABLES
from ilora.predictions.schema import PREDICTIONS
from ilora.reporting import captions
from ilora.reporting.declaration import Given, Wildcards, of_the_study
from ilora.reporting.document import Document
from ilora.reporting.sources import of_each

if TYPE_CHECKING:
    from ilora.study.study import Study


def _settings(study: Study, wildcards: Wildcards) -> dict[str, Any]:
    """Return the interval settings, the rows without numbers, and the methods that encode titles by a small model."""
    return {
        "intervals": study.config.statistics.intervals,
        "without_key": study.targets.runs_without_key,
        "small_models": ["morec"] if study.title_encoder.is_embedded else [],
    }


def _caption(study: Study, wildcards: Wildcards) -> str:
    return (
        "How often each method chooses the right item (HitRatio@1) and answers with a candidate at all (ValidRatio), "
        f"on validation and on test users, next to the paper's numbers. Data sets {', '.join(study.config.datasets)}, "
        f"{captions.answers(study)}, backbone ``{study.backbone_id}``. The paper's columns are reference data (arXiv "
        "2408.10159, Table 1), measured by its authors, with Llama-2-7B where marked. Brackets are "
        f"{captions.confidence(study)} intervals over {captions.covered(study)} (Wilson with one answer per user, "
        "otherwise the cluster bootstrap, BCa). Notes below the table give the numbers of users and explain verdicts, "
        "tests and Imp.%."
    )


def _make(given: Given) -> Mapping[str, pa.Table | str]:
    from ilora.evaluation.intervals import IntervalSettings
    from ilora.evaluation.summary import summarise
    from ilora.layout import Run, parse_data, parse_run
    from ilora.plotting.backbone_size import backbone_parameters
    from ilora.tables.table1.formats import to_csv, to_html, to_latex, to_markdown
    from ilora.tables.table1.notes import detailed_notes, main_notes, table_notes
    from ilora.tables.table1.rows import build_table1

    inputs, settings = given.inputs, given.settings
    predictions = {parse_run(path): read_table(path, PREDICTIONS) for path in inputs["predictions"]}
    titles = {parse_data(path): read_table(path, ITEMS)["title"].to_pylist() for path in inputs["catalogues"]}
    differences = read_table(inputs["differences"], DIFFERENCES)
    intervals = IntervalSettings(**settings["intervals"])
    summary = summarise(read_table(inputs["metrics"], METRICS), predictions, titles, intervals)
    without_key = [Run(*labels) for labels in settings["without_key"]]
    sizes = backbone_parameters(inputs["backbones"])
    table = build_table1(summary, differences, sizes, without_key, settings["small_models"])
    notes = table_notes(table, differences)
    return {
        "parquet": table,
        "csv": to_csv(table),
        "md": to_markdown(table, notes),
        "tex": to_latex(table, notes),
        "html": to_html(table, main_notes(table), detailed_notes(table, differences)),
    }


DOCUMENT = Document(
    folder=TABLES,
    path="table1",
    formats=("parquet", "csv", "md", "tex", "html"),
    inputs=lambda study: {
        "metrics": study.layout.metrics,
        "predictions": study.targets.predictions,
        "differences": study.layout.differences,
        "catalogues": of_each(study, study.layout.items),
        "backbones": study.targets.models.embedded_weights(),
    },
    settings=_settings,
    caption=_caption,
    category="Tables",
    labels=lambda study: {"table": "Table 1", "data set": "all", "backbone": study.backbone_id},
    wildcards=of_the_study,
    make=_make,
)
