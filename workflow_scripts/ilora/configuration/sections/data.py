"""`data`: which users and items count, how sequences are split, and who competes."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field

from ilora.configuration.section import Section
from ilora.configuration.sections.own_data import OwnDataset
from ilora.configuration.types import Count, Dataset, Seed, Text

BuiltInDataset = Literal["movielens", "lastfm", "steam"]
BUILT_IN_DATASETS: tuple[str, ...] = get_args(BuiltInDataset)

DOWNLOAD = "download"
RECBOLE = "recbole"


class DataSection(Section):
    """Which users and items count, how sequences are split, and who competes in a candidate set."""

    split_seed: Seed = Field(0, description="seed of the split of the users into train, val and test")
    candidate_seed: Seed = Field(0, description="seed of the candidate sets")
    candidates: Annotated[int, Field(ge=2)] = Field(20, description="items in a candidate set, the target among them")
    draws: Count = Field(10, description="candidate sets drawn for each val and test sequence")
    minimum_history: Count = Field(3, description="sequences with a shorter history are dropped")
    maximum_history: Count = Field(10, description="items of history that a sequence keeps, the latest ones")
    minimum_rating: float = Field(3.0, description="ratings below this are no interaction (movielens)")
    sample_seed: Seed = Field(0, description="seed of the random third of users and of games (steam)")
    sources: dict[BuiltInDataset, Text] = Field(
        default={"movielens": RECBOLE, "lastfm": DOWNLOAD, "steam": DOWNLOAD},
        description="where raw files come from: download, a folder that holds them, or (movielens) recbole for the "
        "copy inside the installed RecBole",
    )
    lock: Text = Field(
        "downloads.lock.json",
        description="checksums of downloads whose publishers give none, recorded at the first; commit this file",
    )
    own: dict[Dataset, OwnDataset] = Field(
        default={},
        description="data sets of your own, by name: the README's section on them says how",
    )
