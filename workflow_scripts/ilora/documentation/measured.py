"""Measured tables that are committed in docs/measured, and what is drawn and written from them."""

from pathlib import Path

import yaml

from ilora.artifacts.parquet import read_table
from ilora.configuration.loading import load_study
from ilora.evaluation.schemas import DIFFERENCES, RANKING_ABLATIONS
from ilora.feedback.schemas import SUMMARY
from ilora.figures import random_splits
from ilora.figures.feedback import draw_feedback
from ilora.figures.generative_ablations import ablation_labels, ablations_title, draw_ablations
from ilora.figures.hit_ratio import draw_hit_ratio, select_hit_ratio
from ilora.plotting.style import figure_style, svg_text
from ilora.reporting.captions import chosen_seeds
from ilora.reporting.findings import demonstrated
from ilora.tables.table1.formats import to_markdown
from ilora.tables.table1.notes import table_notes
from ilora.tables.table1.rows import TABLE1

_CANDIDATES = 20  # in each candidate set of the studies
_INTRODUCTION = """\
# Table 1 {of_whom}

This page has every number of Table 1 as measured, with its interval, the paper's number and the verdict. [What we
found](what_we_found.md) sums it up, and [What a number means](what_a_number_means.md) explains the columns.
[measured/README.md](measured/README.md) has the command, the commit and the machine. The page is written from the
tables there (`ilora docs --write`).
"""


def table1_page(of_whom: str, folder: Path) -> str:
    """Return the page of a measured Table 1 with its notes.

    Args:
        of_whom: rest of the page's title.
        folder: folder with `table1.parquet` and `differences.parquet`.
    """
    table = read_table(folder / "table1.parquet", TABLE1)
    notes = table_notes(table, read_table(folder / "differences.parquet", DIFFERENCES))
    return f"{_INTRODUCTION.format(of_whom=of_whom)}\n{to_markdown(table, notes)}"


def hit_ratio_picture(dataset: str, folder: Path) -> str:
    """Return the figure of HitRatio@1 of a data set as SVG.

    Args:
        dataset: name of the data set.
        folder: folder with `table1.parquet` and `differences.parquet`.
    """
    drawn = select_hit_ratio(read_table(folder / "table1.parquet", TABLE1), dataset, _CANDIDATES)
    differences = read_table(folder / "differences.parquet", DIFFERENCES).to_pylist()
    finding = demonstrated(row for row in differences if (row["dataset"], row["split"]) == (dataset, "test"))
    with figure_style():
        return svg_text(draw_hit_ratio(drawn, finding))


def random_splits_picture(dataset: str, folder: Path) -> str:
    """Return the figure of HitRatio@1 over random splits of a data set as SVG.

    Args:
        dataset: name of the data set.
        folder: folder with the data of the study's figure, `random_splits_DATASET.parquet`.
    """
    drawn = read_table(folder / f"random_splits_{dataset}.parquet", random_splits.DRAWN)
    with figure_style():
        return svg_text(random_splits.draw_splits(drawn, "the released split"))


def ablations_picture(method: str, dataset: str, study: Path, folder: Path) -> str:
    """Return the figure of a generative recommender's ablations on a data set as SVG.

    Args:
        method: id of the method.
        dataset: name of the data set.
        study: file of the study.
        folder: folder with the data of the study's figure, `METHOD_ablations_DATASET.parquet`.
    """
    drawn = read_table(folder / f"{method}_ablations_{dataset}.parquet", RANKING_ABLATIONS)
    config = load_study(yaml.safe_load(study.read_text(encoding="utf-8")))
    labels = ablation_labels(config.generative.ablations[method])
    with figure_style():
        return svg_text(draw_ablations(drawn, labels, ablations_title(method, dataset, chosen_seeds(config.seeds))))


def feedback_picture(folder: Path) -> str:
    """Return the figure of the simulated feedback loop as SVG; the folder has its data, `feedback.parquet`."""
    with figure_style():
        return svg_text(draw_feedback(read_table(folder / "feedback.parquet", SUMMARY)))
