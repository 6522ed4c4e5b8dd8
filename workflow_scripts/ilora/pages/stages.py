"""The stages of a study as a picture, which the first page of the report shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ilora.layout import REPORT
from ilora.plotting.stage_picture import stage_picture
from ilora.reporting.declaration import Given, Wildcards, of_the_study
from ilora.reporting.document import Document
from ilora.reporting.stages import STAGES, stages_of

if TYPE_CHECKING:
    from ilora.study.study import Study


def _settings(study: Study, wildcards: Wildcards) -> dict[str, Any]:
    return {"stages": list(stages_of(study))}


def _caption(study: Study, wildcards: Wildcards) -> str:
    return (
        "Which stages the study has, and which of them read each other's artifacts. Boxes name what a stage makes; "
        "dashed arrows hold for some methods only. Stages of real users also read the data."
    )


def _make(given: Given) -> Mapping[str, pa.Table | str]:
    return {"svg": stage_picture({name: STAGES[name] for name in given.settings["stages"]})}


DOCUMENT = Document(
    folder=REPORT,
    path="stages",
    formats=("svg",),
    inputs=lambda study: {},
    settings=_settings,
    caption=_caption,
    category="Study",
    labels=lambda study: {"page": "stages"},
    wildcards=of_the_study,
    make=_make,
)
