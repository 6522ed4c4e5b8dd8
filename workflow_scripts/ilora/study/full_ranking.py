"""The files of the full ranking, and the parameters of its scripts."""

from __future__ import annotations

from dataclasses import dataclass

from ilora.layout import expand, parse_run
from ilora.methods.register import FULL_RANKING, LANGUAGE_MODEL_METHODS
from ilora.study.study import Study, Wildcards


@dataclass(frozen=True)
class FullRankingFiles:
    """The files of the full ranking."""

    study: Study

    @property
    def ranks(self) -> list[str]:
        """The ranks by every method that can rank all items; empty if the study has none."""
        if not self.study.config.full_ranking.enabled:
            return []
        tables = self.study.targets.of_runs("ranks.parquet")
        return [path for path in tables if parse_run(path).method in self._methods]

    @property
    def _methods(self) -> tuple[str, ...]:
        """The methods that can rank all items with the prompts of the study."""
        if self.study.config.prompt.candidates == "none":
            return FULL_RANKING
        return tuple(method for method in FULL_RANKING if method not in LANGUAGE_MODEL_METHODS)

    def plans(self) -> list[str]:
        """Return the plans of the cost of rankings by language models; empty if there are none."""
        config = self.study.config
        methods = [method for method in self.study.backbone_methods if method in self._methods]
        return expand(
            self.study.layout.ranking_plan,
            dataset=config.datasets,
            protocol=config.protocol,
            backbone=self.study.backbone_id,
            method=methods if config.full_ranking.enabled else [],
        )

    @property
    def leaves_seen_out(self) -> bool:
        """Whether the items that a user had before a target are left out of the ranking."""
        return self.study.config.full_ranking.leaves_seen_out

    @property
    def reference(self) -> str:
        """The reference method of all comparisons."""
        return self.study.config.full_ranking.reference

    def of_the_study(self) -> list[Wildcards]:
        """Return the wildcards of the artifacts made from all ranks; empty if there are no ranks."""
        return [{}] if self.ranks else []

    def artifacts(self) -> list[str]:
        """Return all files of the full ranking, without duplicates."""
        layout = self.study.layout
        tables = [layout.ranking_summary, layout.ranking_differences]
        return [*self.plans(), *self.ranks, *tables] if self.ranks else []
