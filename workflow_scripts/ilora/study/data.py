"""Raw files of the data sets, how they are read, and the tables made of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ilora.code_version import CodeVersions
from ilora.datasets.declaration import DOWNLOAD
from ilora.datasets.loading import module_of
from ilora.datasets.register import DATASETS
from ilora.layout import expand, fill
from ilora.study.study import Study, Wildcards


@dataclass(frozen=True)
class DataFiles:
    """What the rules about data read, and what they hand to their scripts."""

    study: Study

    def raw_source(self, wildcards: Wildcards) -> str:
        """Return where the raw files of a data set lie, as its reader takes it."""
        dataset, data = wildcards["dataset"], self.study.config.data
        source = data.sources.get(dataset, data.dataset(dataset).default_source)
        return fill(self.study.layout.raw_folder, dataset=dataset) if source == DOWNLOAD else source

    def raw_files(self, wildcards: Wildcards) -> list[str]:
        """Return a data set's raw files, or their folder. A user's that are missing stop the job, not the planning."""
        dataset, data = wildcards["dataset"], self.study.config.data
        own = data.own.get(dataset)
        if own is not None:
            return [path for path in (own.interactions, own.items) if Path(path).is_file()]
        source = DATASETS[dataset].source
        if source is not None and data.sources[dataset] == DOWNLOAD:
            return self.study.layout.raw_files(dataset, source.file_names)
        folder = self.raw_source(wildcards)
        return [folder] if Path(folder).is_dir() else []

    def own(self, wildcards: Wildcards) -> dict[str, Any] | None:
        """Return what the study says of a user's own data set but its words; None for a built-in one."""
        own = self.study.config.data.own.get(wildcards["dataset"])
        return None if own is None else {key: value for key, value in own.plain().items() if key != "words"}

    def filters(self, wildcards: Wildcards) -> dict[str, Any]:
        """Return what the study chooses about filtering a data set, and nothing about another."""
        data = self.study.config.data
        return {name: getattr(data, name) for name in data.dataset(wildcards["dataset"]).options}

    def wording(self, wildcards: Wildcards) -> dict[str, str]:
        """Return the sentences of a data set in prompts."""
        return asdict(self.study.config.data.dataset(wildcards["dataset"]).wording)

    def code_of_preparation(self, code_version: CodeVersions) -> Callable[[Wildcards], str]:
        """Return what gives the version of the code that prepares a data set: of built-in ones, its own module."""

        def version(wildcards: Wildcards) -> str:
            dataset = wildcards["dataset"]
            modules = (module_of(dataset),) if dataset in DATASETS else ()
            return code_version("prepare_interactions", *modules)(wildcards)

        return version

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
