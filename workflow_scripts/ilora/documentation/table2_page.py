"""The page of docs/ with every measured Table 2."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml

from ilora.artifacts.parquet import read_table
from ilora.configuration.loading import load_study
from ilora.evaluation.schemas import DIFFERENCES, RANKING_SUMMARY
from ilora.tables.table2 import table2_settings, table2_to_markdown

_INTRODUCTION = """\
# Table 2

This page has every number of the full rankings as measured, with intervals. [What we
found](what_we_found.md#full-ranking) sums them up, and [The full ranking](full_ranking.md) explains them.
[measured/README.md](measured/README.md) has the commands, the commits and the machine. The page is written from the
tables there (`ilora docs --write`).
"""


def table2_page(studies: Mapping[str, Path], measured: Path) -> str:
    """Return the page, with a section for each study.

    Args:
        studies: title to file of each study, in their order on the page.
        measured: folder of measured tables, with a folder for each study by the file's name.
    """
    return "\n".join([_INTRODUCTION, *_sections(studies, measured)])


def _sections(studies: Mapping[str, Path], measured: Path) -> Iterator[str]:
    for title, path in studies.items():
        folder = measured / path.stem
        settings = table2_settings(load_study(yaml.safe_load(path.read_text(encoding="utf-8"))))
        summary = read_table(folder / "full_ranking.parquet", RANKING_SUMMARY)
        differences = read_table(folder / "full_ranking_differences.parquet", DIFFERENCES)
        yield f"## {title}\n\n{table2_to_markdown(summary, differences, settings)}"
