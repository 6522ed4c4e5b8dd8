"""All sweeps of a study in one table, separate from Table 1; the report shows them as figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pyarrow as pa

from ilora.artifacts.parquet import read_table
from ilora.evaluation.schemas import SWEEP
from ilora.layout import TABLES
from ilora.reporting.declaration import Given, Wildcards
from ilora.reporting.document import Document

if TYPE_CHECKING:
    from ilora.study.study import Study


def _make(given: Given) -> Mapping[str, pa.Table | str]:
    return {"parquet": pa.concat_tables([read_table(path, SWEEP) for path in given.inputs["sweeps"]])}


def _wildcards(study: Study) -> list[Wildcards]:
    return [{}] if study.config.sweeps else []


DOCUMENT = Document(
    folder=TABLES,
    path="sweeps",
    formats=("parquet",),
    inputs=lambda study: {"sweeps": study.targets.sweeps.tables()},
    wildcards=_wildcards,
    make=_make,
)
