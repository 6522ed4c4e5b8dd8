"""`data`: which users and items count, how sequences are split, and who competes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from ilora.configuration.own_datasets import own_dataset
from ilora.configuration.section import Section
from ilora.configuration.sections.own_data import OwnDataset
from ilora.configuration.types import Count, DatasetName, PathText, Seed
from ilora.datasets.declaration import Dataset
from ilora.datasets.register import DATASETS, built_in_dataset

if TYPE_CHECKING:
    # The register says which names there are; a type checker cannot.
    BuiltInDataset = str
else:
    BuiltInDataset = Literal[tuple(DATASETS)]


def _readers_of(option: str) -> str:
    """Return the names of the data sets that read an option."""
    return ", ".join(name for name, dataset in DATASETS.items() if option in dataset.options)


def _bundled() -> str:
    """Return the sources that need no files, as the end of an enumeration."""
    sources = [
        f"({name}) {source} for {what}"
        for name, dataset in DATASETS.items()
        for source, what in dataset.bundled.items()
    ]
    return ", or ".join(sources)


class DataSection(Section):
    """Which users and items count, how sequences are split, and who competes in a candidate set."""

    split_seed: Seed = Field(
        0,
        description="seed of the split of the users into train, val and test (random_users, and released where the "
        "users of the released files are not known: steam)",
    )
    candidate_seed: Seed = Field(0, description="seed of the candidate sets")
    candidates: Annotated[int, Field(ge=2)] = Field(20, description="items in a candidate set, the target among them")
    draws: Count = Field(10, description="candidate sets drawn for each val and test sequence")
    minimum_history: Count = Field(3, description="sequences with a shorter history are dropped")
    maximum_history: Count = Field(10, description="items of history that a sequence keeps, the latest ones")
    minimum_rating: float = Field(
        3.0, description=f"ratings below this are no interaction ({_readers_of('minimum_rating')})"
    )
    sample_seed: Seed = Field(
        0, description=f"seed of the random third of users and of games ({_readers_of('sample_seed')})"
    )
    sources: dict[BuiltInDataset, PathText] = Field(
        default={name: dataset.default_source for name, dataset in DATASETS.items()},
        description=f"where raw files come from: download, a folder that holds them, or {_bundled()}",
    )
    lock: PathText = Field(
        "downloads.lock.json",
        description="checksums of downloads whose publishers give none, recorded at the first; commit this file",
    )
    own: dict[DatasetName, OwnDataset] = Field(
        default={},
        description="data sets of your own, by name: see docs/your_own_data.md",
    )

    def dataset(self, name: str) -> Dataset:
        """Return a data set of the study's own, or else a built-in one.

        Raises:
            ValueError: there is neither of that name.
        """
        return own_dataset(name, self.own[name]) if name in self.own else built_in_dataset(name)
