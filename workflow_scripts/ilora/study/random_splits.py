"""The files of random splits of the users, and the parameters of their scripts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ilora.layout import expand, fill
from ilora.methods.register import BASELINES, LABELS, RECOMMENDERS
from ilora.random_splits.splitting import OWN, split_name
from ilora.study.study import Study, Wildcards


@dataclass(frozen=True)
class RandomSplitFiles:
    """The files of HitRatio@1 over random splits."""

    study: Study

    @property
    def users(self) -> list[str]:
        """The names of the splits: the study's own, and one per seed; empty if the study has none."""
        number = self.study.config.random_splits.number
        return [OWN, *map(split_name, range(number))] if number else []

    @property
    def settings(self) -> dict[str, Any]:
        """The study's settings of sequences and candidate sets."""
        data = self.study.config.data
        return {
            "split_seed": data.split_seed,
            "minimum_history": data.minimum_history,
            "maximum_history": data.maximum_history,
            "candidates": data.candidates,
            "draws": data.draws,
            "candidate_seed": data.candidate_seed,
        }

    def hits(self, wildcards: Wildcards) -> list[str]:
        """Return the results of every method on one data set, in the order of Table 1."""
        layout, methods = self.study.layout, self.study.config.random_splits.methods
        of_data = {"dataset": wildcards["dataset"], "protocol": self.study.config.protocol}
        files = []
        for method in (name for name in LABELS if name in methods and self.users):
            if method in BASELINES:
                files.append(fill(layout.baseline_on_splits, baseline=method, **of_data))
            if method in RECOMMENDERS:
                first = self.study.config.seeds[0]
                pattern = layout.recommender_on_split
                files += expand(pattern, recommender=method, seed=first, users=self.users, **of_data)
        return files

    def table(self) -> str:
        """Return the path of the collected table, with a wildcard for the data set."""
        return fill(self.study.layout.random_splits, protocol=self.study.config.protocol)

    def each_dataset(self) -> list[Wildcards]:
        """Return the wildcards of every data set that is split at random; empty if there are no random splits."""
        return [{"dataset": dataset} for dataset in self.study.config.datasets if self.users]

    def artifacts(self) -> list[str]:
        """Return all files of random splits, without duplicates."""
        return [
            path
            for wildcards in self.each_dataset()
            for path in (*self.hits(wildcards), fill(self.table(), **wildcards))
        ]
