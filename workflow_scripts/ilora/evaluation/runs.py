"""Which run an artifact belongs to, read from its path."""

import os
import re
from dataclasses import dataclass
from pathlib import PurePath

#: The seed of a run in which nothing is random.
NO_SEED = -1

_FILE = r"(?:/(?:predictions|metrics|training_log|gates)\.parquet)?"
_DATA = r"(?P<dataset>[^/]+)/(?P<protocol>[^/]+)"
_SEED = r"/seed~(?P<seed>\d+)"
_LAYOUTS = tuple(
    re.compile(rf"(?:.*/)?{layout}{_FILE}")
    for layout in (
        rf"recommenders/{_DATA}/(?P<method>[^/]+){_SEED}",
        rf"baselines/{_DATA}/(?P<method>[^/]+)",
        rf"(?:llm|finetune|analysis)/{_DATA}/(?P<backbone>[^/]+)/(?P<method>[^/]+)/(?P<variant>(?!seed~)[^/]+)(?:{_SEED})?",
    )
)


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
    """

    dataset: str
    protocol: str
    method: str
    backbone: str = ""
    variant: str = "default"
    seed: int = NO_SEED


def parse_run(path: str | os.PathLike[str]) -> Run:
    """Return the run whose folder lies at `path`, or whose predictions, metrics, training log or gates do.

    What precedes the stage in the path is ignored.

    Raises:
        ValueError: the path is laid out in none of the known ways.
    """
    text = PurePath(path).as_posix()
    for layout in _LAYOUTS:
        match = layout.fullmatch(text)
        if match:
            labels = {name: value for name, value in match.groupdict().items() if value is not None}
            seed = int(labels.pop("seed", NO_SEED))
            return Run(**labels, seed=seed)
    raise ValueError(
        f"{text}: not the path of a run. Expected .../recommenders/DATASET/PROTOCOL/METHOD/seed~N, "
        ".../baselines/DATASET/PROTOCOL/METHOD or .../llm/DATASET/PROTOCOL/BACKBONE/METHOD/VARIANT[/seed~N] "
        "(likewise below finetune and analysis)."
    )
