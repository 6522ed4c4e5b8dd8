"""Page of the study's resolved settings, and of the software and machines that made its artifacts."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ilora.configuration.finetuning import values_by_dataset
from ilora.configuration.study import StudyConfig
from ilora.figures.declaration import figures
from ilora.layout import REPORT
from ilora.plotting.html_page import html_page, section
from ilora.plotting.labels import dataset_label
from ilora.reporting.declaration import Given, Wildcards, every_file, of_the_study
from ilora.reporting.document import Document, documents
from ilora.reporting.provenance import provenance_table, read_records
from ilora.reporting.settings import settings_by_dataset, settings_table
from ilora.reporting.weight_decays import read_search, weight_decay_table

if TYPE_CHECKING:
    from ilora.study.study import Study

_LEAD = "With which settings, code, software and machines the artifacts of this study were made."
NOTES = (
    "Code, software and machines are read from the record of each artifact. If artifacts were made by different "
    "versions or on different machines, each has its own row.",
)


def study_results(study: Study) -> list[str]:
    """Return every artifact, table and figure of a study, without the pages of its report."""
    made = [every_file(declared, study) for declared in (documents("tables"), figures())]
    return [*study.targets.artifacts(), *study.targets.evaluation_tables(), *chain(*made)]


def _settings(study: Study, wildcards: Wildcards) -> dict[str, Any]:
    return {"study": study.config.plain()}


def _caption(study: Study, wildcards: Wildcards) -> str:
    return (
        f"How the study ``{study.config.study}`` was run: the code, software and machines recorded with each artifact, "
        "every setting with defaults filled in, and the fine-tuning of each data set."
    )


def _make(given: Given) -> Mapping[str, pa.Table | str]:
    config = StudyConfig.read(given.settings["study"])
    settings, defaults = config.model_dump(mode="json"), StudyConfig().model_dump(mode="json")
    finetuning = values_by_dataset(config.finetuning, config.datasets)
    records = read_records([*given.inputs["results"], *given.inputs["weight_decays"]])
    labels = {dataset: dataset_label(dataset) for dataset in finetuning}
    body = [
        section("Code, software and machines", provenance_table(records)),
        section("Settings", settings_table(settings, defaults)),
        section("Fine-tuning as resolved for each data set", settings_by_dataset(finetuning, labels)),
    ]
    searches = [read_search(path) for path in given.inputs["weight_decays"]]
    if searches:
        body.append(section("L2 of the recommenders, searched on validation", weight_decay_table(searches)))
    return {"html": html_page(f"The study {settings['study']}", _LEAD, "".join(body), NOTES)}


DOCUMENT = Document(
    folder=REPORT,
    path="study",
    formats=("html",),
    inputs=lambda study: {"results": study_results(study), "weight_decays": study.targets.recommenders.weight_decays()},
    settings=_settings,
    caption=_caption,
    category="Study",
    labels=lambda study: {"page": "settings, software and machines"},
    wildcards=of_the_study,
    make=_make,
)
