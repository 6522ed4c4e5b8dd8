"""What is measured where there is little to learn from or to answer from, and where its predictions lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ilora.configuration.types import DEFAULT_VARIANT
from ilora.data.protocol_names import share_protocol, short_protocol
from ilora.layout import expand, fill
from ilora.study.study import Study, Wildcards
from ilora.study.tuning import TuningFiles


@dataclass(frozen=True)
class ScarcityFiles:
    """The files of methods with few training users, with short histories and on rare items."""

    study: Study

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods that are measured, in the order of Table 1."""
        return tuple(method for method in self.study.methods if method in self.study.config.scarcity.methods)

    @property
    def seeds_of_shares(self) -> tuple[int, ...]:
        """The seeds of the trainings on shares of the users."""
        seeds = self.study.config.scarcity.seeds
        return self.study.config.seeds if seeds is None else seeds

    @property
    def longest(self) -> int:
        """Items of a whole history."""
        return self.study.config.data.maximum_history

    def user_predictions(self, wildcards: Wildcards) -> list[str]:
        """Return the predictions of every method, share and draw of the training users, and seed on one data set."""
        section, own = self.study.config.scarcity, self.study.config.protocol
        protocols = [share_protocol(own, share, draw) for share in section.shares for draw in section.draws]
        return self._predictions(wildcards["dataset"], protocols, self.seeds_of_shares)

    def history_predictions(self, wildcards: Wildcards) -> list[str]:
        """Return the predictions of every method, length of the history and seed on one data set."""
        return self._predictions(wildcards["dataset"], self._short_protocols)

    def item_predictions(self, wildcards: Wildcards) -> list[str]:
        """Return the predictions of every method and seed on one data set, by the study's own protocol."""
        return self._predictions(wildcards["dataset"], [self.study.config.protocol])

    def gates(self, wildcards: Wildcards) -> list[str]:
        """Return the gates of every gated method, length of the history and seed on one data set."""
        return self._of_gates(self.study.layout.gates, wildcards, self._short_protocols)

    def cold_gates(self, wildcards: Wildcards) -> list[str]:
        """Return what the same gates give to an unknown user."""
        return self._of_gates(self.study.layout.cold_gates, wildcards, [self.study.config.protocol])

    def sequences(self, wildcards: Wildcards) -> str:
        """Return the sequences of the study's own protocol."""
        return self._own(self.study.layout.sequences, wildcards)

    def catalogue(self, wildcards: Wildcards) -> str:
        """Return the items of the study's own protocol."""
        return self._own(self.study.layout.items, wildcards)

    def with_shares(self) -> list[Wildcards]:
        """Return the wildcards of every data set with shares of the training users; none without them."""
        return self._datasets(self.study.config.scarcity.shares)

    def with_lengths(self) -> list[Wildcards]:
        """Return the wildcards of every data set with short histories; none without them."""
        return self._datasets(self.study.config.scarcity.lengths)

    def with_floors(self) -> list[Wildcards]:
        """Return the wildcards of every data set with groups of items; none without them."""
        return self._datasets(self.study.config.scarcity.frequency_floors)

    def with_gates(self) -> list[Wildcards]:
        """Return the wildcards of every data set with short histories that a gate reads."""
        return [wildcards for wildcards in self.with_lengths() if self._gated_methods(wildcards)]

    def artifacts(self) -> list[str]:
        """Return every file of it, each once."""
        layout, files = self.study.layout, []
        for wildcards in self.with_shares():
            files += [*self.user_predictions(wildcards), fill(layout.scarce_users, **wildcards)]
        for wildcards in self.with_lengths():
            files += [*self.history_predictions(wildcards), fill(layout.short_histories, **wildcards)]
        for wildcards in self.with_floors():
            files += [*self.item_predictions(wildcards), fill(layout.rare_items, **wildcards)]
        for wildcards in self.with_gates():
            made = [*self.gates(wildcards), *self.cold_gates(wildcards)]
            files += [*made, fill(layout.gates_of_short_histories, **wildcards)]
        return files

    @property
    def _short_protocols(self) -> list[str]:
        lengths, own = self.study.config.scarcity.lengths, self.study.config.protocol
        return [short_protocol(own, length, self.longest) for length in lengths]

    def _gated_methods(self, wildcards: Wildcards) -> list[str]:
        """Return the methods whose gate reads the representation of the sequence."""
        tuning, dataset = TuningFiles(self.study), wildcards["dataset"]
        return [
            method
            for method in self.study.gated_methods
            if tuning.variant({"dataset": dataset, "method": method}).finetuning.gate_input == "sequence_representation"
        ]

    def _of_gates(self, pattern: str, wildcards: Wildcards, protocols: Sequence[str]) -> list[str]:
        return expand(
            pattern,
            dataset=wildcards["dataset"],
            protocol=protocols,
            backbone=self.study.backbone_id,
            method=self._gated_methods(wildcards),
            variant=DEFAULT_VARIANT,
            seed=self.study.config.seeds,
        )

    def _predictions(self, dataset: str, protocols: Sequence[str], seeds: Sequence[int] | None = None) -> list[str]:
        return [
            f"{folder}/predictions.parquet"
            for protocol in dict.fromkeys(protocols)
            for folder in self.study.targets.runs(dataset, protocol, self.methods, seeds)
        ]

    def _own(self, pattern: str, wildcards: Wildcards) -> str:
        return fill(pattern, dataset=wildcards["dataset"], protocol=self.study.config.protocol)

    def _datasets(self, values: Sequence[int]) -> list[Wildcards]:
        return [{"dataset": dataset} for dataset in self.study.config.datasets if values]
