"""Page of the known deviations from the paper (arXiv 2408.10159) and their effects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ilora.configuration.study import StudyConfig
from ilora.deviations.declaration import Settings
from ilora.deviations.register import deviations_of
from ilora.deviations.settings import deviation_settings
from ilora.layout import REPORT
from ilora.plotting.html_page import html_page, html_table
from ilora.reporting.declaration import Given, Wildcards, of_the_study
from ilora.reporting.document import Document
from ilora.reporting.weight_decays import read_search

if TYPE_CHECKING:
    from ilora.study.study import Study

_LEAD = "Where this study departs from the paper, and what each departure changes."
NOTES = (
    "The reference is arXiv 2408.10159 and, where its text is ambiguous, the released code and split files. If the two "
    "differ and this study follows one of them, that is listed, too. The list depends on the study's settings; "
    "everything else follows the paper, as far as is known.",
)


def deviation_table(study: Settings) -> str:
    """Return the deviations of a study as an HTML table."""
    rows = [(found.subject, found.paper, found.here, found.effect) for found in deviations_of(study)]
    return html_table(("Subject", "Paper", "This study", "What it changes"), rows)


def _settings(study: Study, wildcards: Wildcards) -> dict[str, Any]:
    return {"study": study.config.plain()}


def _caption(study: Study, wildcards: Wildcards) -> str:
    return (
        f"Where this study (protocol {study.config.protocol}, backbone ``{study.config.backbone.name}``) departs from "
        "arXiv 2408.10159, and how each departure affects the numbers or their meaning."
    )


def _make(given: Given) -> Mapping[str, pa.Table | str]:
    config = StudyConfig.read(given.settings["study"])
    searches = [read_search(path) for path in given.inputs["weight_decays"]]
    table = deviation_table(deviation_settings(config, searches))
    return {"html": html_page("Known deviations from the paper", _LEAD, table, NOTES)}


DOCUMENT = Document(
    folder=REPORT,
    path="deviations",
    formats=("html",),
    inputs=lambda study: {"weight_decays": study.targets.recommenders.weight_decays()},
    settings=_settings,
    caption=_caption,
    category="Study",
    labels=lambda study: {"page": "deviations from the paper"},
    wildcards=of_the_study,
    make=_make,
)
