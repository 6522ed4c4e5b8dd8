"""The files of the generative recommenders, and the parameters of their scripts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ilora.configuration.generative_variants import generative_variant, variant_names
from ilora.configuration.sections.generative import GenerativeSection
from ilora.configuration.types import DEFAULT_VARIANT
from ilora.layout import expand, fill
from ilora.study.study import COLLABORATIVE_RECOMMENDER, Study, Wildcards


@dataclass(frozen=True)
class GenerativeFiles:
    """Inputs of the rules for generative recommenders, and the parameters of their scripts."""

    study: Study

    def vectors(self, wildcards: Wildcards) -> dict[str, str]:
        """Return the vectors that a run's ids are made from: those of texts, and of a recommender if it reads them."""
        layout = self.study.layout
        encoder = self.study.title_encoder.model_id
        files = {"text_vectors": fill(layout.text_vectors, **{**wildcards, "backbone": encoder})}
        if wildcards["generator"] == "cofirec" and self._settings(wildcards).cofirec.reads_interactions:
            recommender = {**wildcards, "recommender": COLLABORATIVE_RECOMMENDER}
            files["item_embeddings"] = fill(layout.recommender_file("item_embeddings.safetensors"), **recommender)
        return files

    def tokenizer(self, wildcards: Wildcards) -> dict[str, Any]:
        """Return the settings of a run's ids alone, so that a change for another method recreates none of them."""
        return self._settings(wildcards).plain("quantiser_training", wildcards["generator"])

    def generator(self, wildcards: Wildcards) -> dict[str, Any]:
        """Return the settings of a run's generator and its training."""
        return self._settings(wildcards).plain("generator", wildcards["generator"])

    def ranks_of_ablations(self, wildcards: Wildcards) -> list[str]:
        """Return the ranks of a method's own run and of each of its ablations on one data set, over all seeds."""
        return expand(
            fill(self.study.layout.generator_ranks, **wildcards),
            variant=self.variants(wildcards["generator"]),
            seed=self.study.config.seeds,
        )

    def each_ablated(self) -> list[Wildcards]:
        """Return the wildcards of every data set and every method with ablations."""
        return [
            {"dataset": dataset, "generator": method}
            for dataset in self.study.config.datasets
            for method in self.study.generators
            if len(self.variants(method)) > 1
        ]

    def variants(self, method: str) -> list[str]:
        """Return the names in paths of a method's runs, with the study's own first."""
        return variant_names(self.study.config.generative, method)

    def of_own_runs(self, pattern: str) -> list[str]:
        """Return a file of each method's own run, over all data sets and seeds."""
        config = self.study.config
        return [
            path
            for method in self.study.generators
            for path in expand(
                pattern,
                dataset=config.datasets,
                protocol=config.protocol,
                generator=method,
                variant=DEFAULT_VARIANT,
                seed=config.seeds,
            )
        ]

    def artifacts(self) -> list[str]:
        """Return all files of the generative recommenders except those common to all runs, without duplicates."""
        study, layout = self.study, self.study.layout
        patterns = [layout.semantic_ids, layout.id_statistics, layout.generator_model, layout.generator_log]
        patterns += [layout.beam_statistics] if study.config.full_ranking.enabled else []
        of_study: dict[str, object] = {
            "dataset": study.config.datasets,
            "protocol": study.config.protocol,
            "seed": study.config.seeds,
        }
        files = [
            path
            for pattern in patterns
            for method in study.generators
            for path in expand(pattern, **of_study, generator=method, variant=self.variants(method))
        ]
        encoder = study.title_encoder.model_id
        files += expand(layout.text_vectors, **of_study, backbone=encoder) if study.generators else []
        for ablated in self.each_ablated():
            of_method = {**ablated, "protocol": study.config.protocol}
            files += [*self.ranks_of_ablations(of_method), fill(layout.generator_ablations, **of_method)]
        return files

    def _settings(self, wildcards: Wildcards) -> GenerativeSection:
        variant = wildcards.get("variant", DEFAULT_VARIANT)
        return generative_variant(self.study.config.generative, wildcards["generator"], variant)
