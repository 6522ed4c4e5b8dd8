"""Raw files of the data sets, how they are read, and the tables made from them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ilora.data.protocol_names import RELEASED, ROLLING, kind_of, period_of, trained_protocol
from ilora.datasets.declaration import DOWNLOAD, Dataset
from ilora.datasets.loading import module_of
from ilora.datasets.register import DATASETS
from ilora.datasets.released_facts import digests
from ilora.layout import expand, fill
from ilora.study.study import Study, Wildcards


@dataclass(frozen=True)
class DataFiles:
    """Inputs of the data rules, and the parameters of their scripts."""

    study: Study

    def dataset(self, wildcards: Wildcards) -> Dataset:
        """Return the data set in the wildcards."""
        return self.study.config.data.dataset(wildcards["dataset"])

    def raw_source(self, wildcards: Wildcards) -> str:
        """Return the source of a data set's raw files, as its reader expects it."""
        dataset = self.dataset(wildcards)
        source = self.study.config.data.sources.get(dataset.name, dataset.default_source)
        return fill(self.study.layout.raw_folder, dataset=dataset.name) if source == DOWNLOAD else source

    def raw_files(self, wildcards: Wildcards) -> list[str]:
        """Return a data set's raw files one by one, because Snakemake does not notice edits inside a folder.

        Missing files of a user's own data set are left out here; they are an error in the job, not in planning.
        """
        dataset, data = self.dataset(wildcards), self.study.config.data
        own = data.own.get(dataset.name)
        if own is not None:
            return [path for path in (own.interactions, own.items) if Path(path).is_file()]
        source = self.raw_source(wildcards)
        if data.sources[dataset.name] == DOWNLOAD and dataset.source is not None:
            return self.study.layout.raw_files(dataset.name, dataset.source.file_names)
        if source in dataset.bundled:
            return []
        folder = Path(source)
        wanted = folder.rglob("*") if dataset.source is None else map(folder.joinpath, dataset.source.file_names)
        return sorted(str(path) for path in wanted if path.is_file())

    def own(self, wildcards: Wildcards) -> dict[str, Any] | None:
        """Return the settings to read a user's own data set; None for a built-in one."""
        own = self.study.config.data.own.get(wildcards["dataset"])
        plain = {} if own is None else own.plain()
        return None if own is None else {key: plain[key] for key in plain if key not in ("words", "splits")}

    def own_split(self, wildcards: Wildcards) -> dict[str, Any] | None:
        """Return the settings to read the splits of a user's own data set; None if none are read."""
        own = self.study.config.data.own.get(wildcards["dataset"])
        if own is None or kind_of(wildcards["protocol"]) != RELEASED:
            return None
        return own.plain("interactions", "items", "splits", "columns", "encoding", "separator", "header")

    def named_splits(self, wildcards: Wildcards) -> list[str]:
        """Return the user's file with the split of each user, if it is read and exists."""
        path = (self.own_split(wildcards) or {}).get("splits")
        return [path] if path is not None and Path(path).is_file() else []

    def released_facts(self, wildcards: Wildcards) -> dict[str, str]:
        """Return the digests of the shipped facts about a data set's released files, if they are read."""
        release = self.dataset(wildcards).release if kind_of(wildcards["protocol"]) == RELEASED else None
        return {} if release is None else digests(release.facts)

    def periods(self, wildcards: Wildcards) -> dict[str, str]:
        """Return the file of periods for the protocol `rolling`; nothing for others."""
        protocol = wildcards["protocol"]
        if kind_of(protocol) != ROLLING:
            return {}
        _, periods = period_of(protocol)
        return {"periods": fill(self.study.layout.periods, dataset=wildcards["dataset"], periods=periods)}

    def with_whole_histories(self, wildcards: Wildcards) -> str:
        """Return the sequences that candidate sets are drawn for: of short histories those of whole ones."""
        protocol = trained_protocol(wildcards["protocol"])
        return fill(self.study.layout.sequences, dataset=wildcards["dataset"], protocol=protocol)

    def filters(self, wildcards: Wildcards) -> dict[str, Any]:
        """Return the study's filter settings that the data set uses."""
        return {name: getattr(self.study.config.data, name) for name in self.dataset(wildcards).options}

    def wording(self, wildcards: Wildcards) -> dict[str, str]:
        """Return the sentences of a data set in prompts that list candidates."""
        sentences = asdict(self.dataset(wildcards).wording)
        del sentences["open_question"]
        return sentences

    def wording_of_study(self, wildcards: Wildcards) -> dict[str, str]:
        """Return the sentences of a data set in the prompts of the language model."""
        if self.study.config.prompt.candidates == "listed":
            return self.wording(wildcards)
        return asdict(self.dataset(wildcards).wording)

    def modules(self, wildcards: Wildcards) -> tuple[str, ...]:
        """Return the modules that the script to prepare a data set loads by name: only that of a built-in one."""
        return (module_of(wildcards["dataset"]),) if wildcards["dataset"] in DATASETS else ()

    def modules_of_split(self, wildcards: Wildcards) -> tuple[str, ...]:
        """Return the modules that the script to split a data set loads by name."""
        return self.modules(wildcards) if kind_of(wildcards["protocol"]) == RELEASED else ()

    def catalogue_of_run(self, wildcards: Wildcards) -> str:
        """Return the items of a run's data set."""
        return self._of_run(self.study.layout.items, wildcards)

    def sequences_of_run(self, wildcards: Wildcards) -> str:
        """Return the sequences of a run's data set and protocol."""
        return self._of_run(self.study.layout.sequences, wildcards)

    def of_study(self, pattern: str) -> list[str]:
        """Return an artifact for every data set of the study."""
        return expand(pattern, dataset=self.study.config.datasets, protocol=self.study.config.protocol)

    def _of_run(self, pattern: str, wildcards: Wildcards) -> str:
        _, dataset, protocol, *_ = wildcards["run"].split("/")
        return fill(pattern, dataset=dataset, protocol=protocol)
