"""The search for the recommenders' L2 on validation."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

import pyarrow as pa

from ilora.artifacts.parquet import read_table
from ilora.plotting.html_page import html_table
from ilora.plotting.labels import dataset_label, method_label
from ilora.recommenders.weight_decay import WEIGHT_DECAYS, chosen_weight_decay

_HEADERS = ("Recommender", "L2", "Trainings", "HitRatio@1, validation", "Lowest, highest", "Epoch of the best", "")


@dataclass(frozen=True)
class WeightDecaySearch:
    """The search for one recommender on one data set; `values` is of schema `WEIGHT_DECAYS`."""

    dataset: str
    recommender: str
    values: pa.Table

    @property
    def label(self) -> str:
        """Recommender and data set."""
        return f"{method_label(self.recommender)} on {dataset_label(self.dataset)}"

    @property
    def chosen(self) -> float:
        """The value with which the recommender is trained."""
        return chosen_weight_decay(self.values)


def read_search(path: str | os.PathLike[str]) -> WeightDecaySearch:
    """Read ``.../DATASET/PROTOCOL/RECOMMENDER/weight_decays.parquet``.

    Raises:
        FileNotFoundError, ilora.artifacts.errors.ArtifactError: as for `ilora.artifacts.parquet.read_table`.
    """
    *_, dataset, _, recommender, _ = PurePath(path).parts
    return WeightDecaySearch(dataset, recommender, read_table(path, WEIGHT_DECAYS))


def weight_decay_table(searches: Sequence[WeightDecaySearch]) -> str:
    """Return all candidate values as an HTML table, with their validation metrics and the choice."""
    rows = [_row(search.label, value) for search in searches for value in search.values.to_pylist()]
    return html_table(_HEADERS, rows)


def _row(label: str, value: dict[str, float]) -> tuple[str, ...]:
    mark = "chosen" if value["is_chosen"] else "as good; the smaller is chosen" if value["is_best"] else ""
    return (
        label,
        f"{value['weight_decay']:g}",
        str(value["trainings"]),
        f"{value['validation_hit_ratio@1']:.4f}",
        f"{value['lowest']:.4f}, {value['highest']:.4f}",
        f"{value['epoch']:.1f}",
        mark,
    )
