"""Which run an artifact belongs to, read from its path."""

import os
import re
from dataclasses import dataclass, replace
from pathlib import PurePath

#: The seed of a run in which nothing is random.
NO_SEED = -1

_FILE = r"(?:/(?:predictions|metrics|error_analysis|answer_sample|training_log|gates)\.parquet)?"
_DATA = r"(?P<dataset>[^/]+)/(?P<protocol>[^/]+)"
_SEED = r"/seed~(?P<seed>\d+)"
_STEP = r"(?:/steps/step~(?P<step>\d+))?"
_LAYOUTS = tuple(
    re.compile(rf"(?:.*/)?{layout}{_FILE}")
    for layout in (
        # A study has its recommenders with the L2 that was searched, or with its own; never both.
        rf"recommenders/{_DATA}/(?P<method>[^/]+)(?:/weight_decay~searched)?{_SEED}",
        rf"baselines/{_DATA}/(?P<method>[^/]+)",
        rf"(?:llm|finetune|analysis)/{_DATA}/(?P<backbone>[^/]+)/(?P<method>[^/]+)/(?P<variant>(?!seed~)[^/]+)(?:{_SEED}{_STEP})?",
    )
)


#: A data set and a protocol, such as ("movielens", "published").
DataKey = tuple[str, str]


@dataclass(frozen=True)
class Run:
    """One method with one seed on one data set.

    Attributes:
        dataset: for example "movielens".
        protocol: for example "published".
        method: the method's id, for example "ilora".
        backbone: id of the language model; "" if the method has none.
        variant: "default", or what a sweep varies.
        seed: `NO_SEED` if nothing in the run is random.
        step: of the fine-tuning, where the run is a snapshot of it; None for what it ends with.
    """

    dataset: str
    protocol: str
    method: str
    backbone: str = ""
    variant: str = "default"
    seed: int = NO_SEED
    step: int | None = None

    @property
    def data(self) -> DataKey:
        """The data set and protocol."""
        return self.dataset, self.protocol

    @property
    def without_seed(self) -> "Run":
        """What the run shares with those of the same method and other seeds."""
        return replace(self, seed=NO_SEED)


def parse_data(path: str | os.PathLike[str]) -> DataKey:
    """Return the data set and protocol of an artifact below data/DATASET/PROTOCOL/.

    Raises:
        ValueError: the path is not laid out so.
    """
    match = re.fullmatch(rf"(?:.*/)?data/{_DATA}/[^/]+", PurePath(path).as_posix())
    if not match:
        raise ValueError(f"{path}: not the path of a data set's artifact. Expected .../data/DATASET/PROTOCOL/FILE.")
    return match["dataset"], match["protocol"]


def parse_run(path: str | os.PathLike[str]) -> Run:
    """Return the run whose folder lies at `path`, or whose predictions do, or what was made from them.

    What precedes the stage in the path is ignored.

    Raises:
        ValueError: the path is laid out in none of the known ways.
    """
    text = PurePath(path).as_posix()
    for layout in _LAYOUTS:
        match = layout.fullmatch(text)
        if match:
            labels = {name: value for name, value in match.groupdict().items() if value is not None}
            seed, step = labels.pop("seed", NO_SEED), labels.pop("step", None)
            return Run(**labels, seed=int(seed), step=None if step is None else int(step))
    raise ValueError(
        f"{text}: not the path of a run. Expected .../recommenders/DATASET/PROTOCOL/METHOD/[weight_decay~searched/]"
        "seed~N, .../baselines/DATASET/PROTOCOL/METHOD or "
        ".../llm/DATASET/PROTOCOL/BACKBONE/METHOD/VARIANT[/seed~N[/steps/step~N]] "
        "(likewise below finetune and analysis)."
    )
