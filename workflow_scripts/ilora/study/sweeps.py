"""The sweeps of a study: their cells, and the files and settings of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from ilora.configuration.sections.sweeps import SweepSection
from ilora.configuration.sweep_cells import SweepCell
from ilora.configuration.sweeps import sweep_cells, sweep_datasets, sweep_seeds
from ilora.layout import expand
from ilora.study.study import Study, Wildcards
from ilora.study.tuning import TuningFiles, early_snapshots


@dataclass(frozen=True)
class SweepFiles:
    """Inputs of the rules for sweeps, and the parameters of their scripts."""

    study: Study

    @cached_property
    def cells(self) -> dict[str, list[SweepCell]]:
        """The cells of each sweep, over its data sets."""
        return {name: sweep_cells(self.study.config, name) for name in self._sweeps}

    def predictions(self, wildcards: Wildcards) -> list[str]:
        """Return the predictions of every cell and seed of a sweep on one data set."""
        pattern = self.study.layout.tuned_predictions
        return [path for cell in self.of_dataset(wildcards) for path in self._over_seeds(pattern, wildcards, cell)]

    def snapshot_predictions(self, wildcards: Wildcards) -> list[str]:
        """Return the predictions of every snapshot before the last step, for every cell and seed of a sweep."""
        pattern = self.study.layout.snapshot_predictions
        return [
            path
            for cell in self.of_dataset(wildcards)
            for path in self._over_seeds(pattern, wildcards, cell, step=early_snapshots(self._tuning.of_cell(cell)))
        ]

    def parameter(self, wildcards: Wildcards) -> str:
        """Return the parameter that a sweep varies."""
        return self._sweeps[wildcards["sweep"]].parameter

    def of_dataset(self, wildcards: Wildcards) -> list[SweepCell]:
        """Return the cells of a sweep on one data set."""
        return [cell for cell in self.cells[wildcards["sweep"]] if cell.dataset == wildcards["dataset"]]

    def cells_of_dataset(self, wildcards: Wildcards) -> list[dict[str, Any]]:
        """Return the cells of a sweep on one data set as plain values."""
        return [asdict(cell) for cell in self.of_dataset(wildcards)]

    def lengths(self, wildcards: Wildcards) -> list[dict[str, Any]]:
        """Return the values that determine the length of each cell's fine-tuning, in the order of the cells."""
        values = [self._tuning.of_cell(cell) for cell in self.of_dataset(wildcards)]
        return [value.model_dump(include={"steps", "epochs", "batch_size"}) for value in values]

    def tables(self) -> list[str]:
        """Return the table of each sweep on each of its data sets."""
        return [
            path
            for name, sweep in self._sweeps.items()
            for path in expand(
                self.study.layout.sweep,
                dataset=sweep_datasets(self.study.config, sweep),
                protocol=self.study.config.protocol,
                backbone=self.study.backbone_id,
                sweep=name,
            )
        ]

    def artifacts(self) -> Iterator[str]:
        """Yield every adapter and prediction of the sweeps, so that deleted ones are made again."""
        for name, cells in self.cells.items():
            for cell in cells:
                for pattern in (*self._tuning.files(cell.method), self.study.layout.tuned_predictions):
                    yield from self._over_seeds(pattern, {"sweep": name}, cell)

    @property
    def _sweeps(self) -> dict[str, SweepSection]:
        return self.study.config.sweeps

    @cached_property
    def _tuning(self) -> TuningFiles:
        return TuningFiles(self.study)

    def _over_seeds(self, pattern: str, wildcards: Wildcards, cell: SweepCell, **more: object) -> list[str]:
        """Return the files of a pattern over the seeds of one cell."""
        return expand(
            pattern,
            dataset=cell.dataset,
            protocol=self.study.config.protocol,
            backbone=self.study.backbone_id,
            method=cell.method,
            variant=cell.variant,
            seed=sweep_seeds(self.study.config, self._sweeps[wildcards["sweep"]]),
            **more,
        )
