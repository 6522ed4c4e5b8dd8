"""The files of drift: the predictions and measurements as users change."""

from __future__ import annotations

from dataclasses import dataclass

from ilora.data.protocol_names import gap_protocol, rolling_protocol
from ilora.layout import fill
from ilora.study.study import Study, Wildcards


@dataclass(frozen=True)
class DriftFiles:
    """The files of drift, with withheld items (`gap`) and over periods (`rolling`)."""

    study: Study

    @property
    def methods(self) -> tuple[str, ...]:
        """The measured methods, in the order of Table 1."""
        return tuple(method for method in self.study.methods if method in self.study.config.drift.methods)

    def gap_predictions(self, wildcards: Wildcards) -> list[str]:
        """Return the predictions of every method, gap and seed on one data set."""
        protocols = [gap_protocol(gap) for gap in self.study.config.drift.gaps]
        return self._predictions(wildcards["dataset"], protocols)

    def period_predictions(self, wildcards: Wildcards) -> list[str]:
        """Return the predictions of every method, training period and seed on one data set."""
        periods = self.study.config.drift.periods
        protocols = [rolling_protocol(period, periods) for period in range(1, periods + 1)]
        return self._predictions(wildcards["dataset"], protocols)

    def periods(self) -> str:
        """Return the path of the periods, with a wildcard for the data set."""
        return fill(self.study.layout.periods, periods=self.study.config.drift.periods)

    def with_gaps(self) -> list[Wildcards]:
        """Return the wildcards of every data set with measured gaps; empty if the study has none."""
        return [{"dataset": dataset} for dataset in self.study.config.datasets if self.study.config.drift.gaps]

    def with_periods(self) -> list[Wildcards]:
        """Return the wildcards of every data set with measured periods; empty if the study has none."""
        return [{"dataset": dataset} for dataset in self.study.config.datasets if self.study.config.drift.periods]

    def artifacts(self) -> list[str]:
        """Return all files of drift, without duplicates."""
        layout, files = self.study.layout, []
        for wildcards in self.with_gaps():
            files += [*self.gap_predictions(wildcards), fill(layout.gap_drift, **wildcards)]
        for wildcards in self.with_periods():
            made = [*self.period_predictions(wildcards), fill(self.periods(), **wildcards)]
            files += [*made, fill(layout.period_drift, **wildcards)]
        return files

    def _predictions(self, dataset: str, protocols: list[str]) -> list[str]:
        return [
            f"{folder}/predictions.parquet"
            for protocol in protocols
            for folder in self.study.targets.runs(dataset, protocol, self.methods)
        ]
