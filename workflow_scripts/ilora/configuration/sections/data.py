"""`data`: which users and items are kept, how sequences are split, and what is in a candidate set."""

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
    # The register defines the names, which a type checker cannot know.
    BuiltInDataset = str
else:
    BuiltInDataset = Literal[tuple(DATASETS)]


def _readers_of(option: str) -> str:
    """Return the names of the data sets that use an option."""
    return ", ".join(name for name, dataset in DATASETS.items() if option in dataset.options)


def _bundled() -> str:
    """Return the bundled sources, which need no files, as the end of an enumeration."""
    sources = [
        f"({name}) {source} for {what}"
        for name, dataset in DATASETS.items()
        for source, what in dataset.bundled.items()
    ]
    return ", or ".join(sources)


class DataSection(Section):
    """Which users and items are kept, how sequences are split, and what is in a candidate set."""

    split_seed: Seed = Field(
        0,
        description="seed of the split of the users into train, val and test (protocol random_users, and released for "
        "steam, whose released files do not identify the users)",
    )
    candidate_seed: Seed = Field(0, description="seed of the candidate sets")
    candidates: Annotated[int, Field(ge=2)] = Field(20, description="items in a candidate set, including the target")
    draws: Count = Field(10, description="candidate sets drawn for each val and test sequence")
    minimum_history: Count = Field(3, description="sequences with a shorter history are dropped")
    maximum_history: Count = Field(10, description="longest history; only the latest items are kept")
    minimum_rating: float = Field(
        3.0, description=f"ratings below this are not interactions ({_readers_of('minimum_rating')})"
    )
    sample_seed: Seed = Field(
        0, description=f"seed of the random third of the users and of the games ({_readers_of('sample_seed')})"
    )
    sources: dict[BuiltInDataset, PathText] = Field(
        default={name: dataset.default_source for name, dataset in DATASETS.items()},
        description=f"where the raw files come from: download, a folder that contains them, or {_bundled()}",
    )
    lock: PathText = Field(
        "downloads.lock.json",
        description="checksums of downloads whose publishers provide none, recorded at the first download; commit "
        "this file",
    )
    own: dict[DatasetName, OwnDataset] = Field(
        default={},
        description="your own data sets, by name: see docs/your_own_data.md",
    )

    def dataset(self, name: str) -> Dataset:
        """Return the study's own data set of that name, or else the built-in one.

        Raises:
            ValueError: there is neither.
        """
        return own_dataset(name, self.own[name]) if name in self.own else built_in_dataset(name)
