"""Raw files of the data sets, how they are read, and the tables made of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ilora.configuration.sections.data import DOWNLOAD
from ilora.data.acquisition.catalogue import SOURCES
from ilora.layout import expand, fill
from ilora.study.study import Study, Wildcards


@dataclass(frozen=True)
class DataFiles:
    """What the rules about data read, and what they hand to their scripts."""

    study: Study

    def raw_source(self, wildcards: Wildcards) -> str | None:
        """Return where the raw files of a built-in data set lie, as its reader takes it; None for one of the user's."""
        dataset, data = wildcards["dataset"], self.study.config.data
        if dataset in data.own:
            return None
        source = data.sources[dataset]  # type: ignore[index]
        return fill(self.study.layout.raw_folder, dataset=dataset) if source == DOWNLOAD else source

    def raw_files(self, wildcards: Wildcards) -> list[str]:
        """Return a data set's raw files, or their folder. A user's that are missing stop the job, not the planning."""
        dataset, data = wildcards["dataset"], self.study.config.data
        own = data.own.get(dataset)
        if own is not None:
            return [path for path in (own.interactions, own.items) if Path(path).is_file()]
        if data.sources[dataset] == DOWNLOAD:  # type: ignore[index]
            return self.study.layout.raw_files(dataset, SOURCES[dataset].file_names)
        folder = self.raw_source(wildcards)
        return [folder] if folder is not None and Path(folder).is_dir() else []

    def tables(self, wildcards: Wildcards) -> dict[str, Any] | None:
        """Return the files of a user's own data set and how to read them; None for a built-in one."""
        own = self.study.config.data.own.get(wildcards["dataset"])
        if own is None:
            return None
        tables = own.model_dump(include={"interactions", "items", "columns", "timestamps", "encoding"})
        # Without a minimum, no rating has to be there.
        tables["columns"]["rating"] = None if own.minimum_rating is None else own.columns.rating
        return tables

    def filters(self, wildcards: Wildcards) -> dict[str, Any]:
        """Return what the study chooses about filtering a data set, and nothing about another."""
        data = self.study.config.data
        own = data.own.get(wildcards["dataset"])
        if own is not None:
            return own.model_dump(include={"minimum_rating", "minimum_users_per_item", "minimum_items_per_user"})
        choices: dict[str, dict[str, Any]] = {
            "movielens": {"minimum_rating": data.minimum_rating},
            "steam": {"sample_seed": data.sample_seed},
        }
        return choices.get(wildcards["dataset"], {})

    def words(self, wildcards: Wildcards) -> dict[str, str] | None:
        """Return the words of a user's own data set in prompts; built-in ones have sentences of their own."""
        own = self.study.config.data.own.get(wildcards["dataset"])
        return None if own is None else own.words.model_dump()

    def catalogue_of_run(self, wildcards: Wildcards) -> str:
        """Return the items of the data set that a run is about."""
        return self._of_run(self.study.layout.items, wildcards)

    def sequences_of_run(self, wildcards: Wildcards) -> str:
        """Return the sequences of the data set and protocol that a run is about."""
        return self._of_run(self.study.layout.sequences, wildcards)

    def of_study(self, pattern: str) -> list[str]:
        """Return an artifact of every data set of the study."""
        return expand(pattern, dataset=self.study.config.datasets, protocol=self.study.config.protocol)

    def _of_run(self, pattern: str, wildcards: Wildcards) -> str:
        _, dataset, protocol, *_ = wildcards["run"].split("/")
        return fill(pattern, dataset=dataset, protocol=protocol)
