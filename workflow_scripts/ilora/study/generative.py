"""The files of the generative recommenders, and what the rules about them hand to their scripts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ilora.layout import expand, fill
from ilora.study.study import COLLABORATIVE_RECOMMENDER, Study, Wildcards


@dataclass(frozen=True)
class GenerativeFiles:
    """What the rules about generative recommenders read, and what they hand to their scripts."""

    study: Study

    def vectors(self, wildcards: Wildcards) -> dict[str, str]:
        """Return what the ids of a method are made of: vectors of texts, and a recommender's where it reads them."""
        layout = self.study.layout
        encoder = self.study.title_encoder.model_id
        files = {"text_vectors": fill(layout.text_vectors, **{**wildcards, "backbone": encoder})}
        if wildcards["generator"] == "cofirec" and self.study.generates_from_interactions:
            recommender = {**wildcards, "recommender": COLLABORATIVE_RECOMMENDER}
            files["item_embeddings"] = fill(layout.recommender_file("item_embeddings.safetensors"), **recommender)
        return files

    def tokenizer(self, wildcards: Wildcards) -> dict[str, Any]:
        """Return how the ids of a method are made, so that editing another's makes none anew."""
        return self.study.config.generative.plain("quantiser_training", wildcards["generator"])

    def generator(self, wildcards: Wildcards) -> dict[str, Any]:
        """Return how the generator of a method is built and trained."""
        return self.study.config.generative.plain("generator", wildcards["generator"])

    def artifacts(self) -> list[str]:
        """Return every file of the generative recommenders but those that runs are asked for, each once."""
        study, layout = self.study, self.study.layout
        patterns = [layout.semantic_ids, layout.id_statistics, layout.generator_model, layout.generator_log]
        patterns += [layout.beam_statistics] if study.config.full_ranking.enabled else []
        values: dict[str, object] = {
            "dataset": study.config.datasets,
            "protocol": study.config.protocol,
            "generator": study.generators,
            "seed": study.config.seeds,
            "backbone": study.title_encoder.model_id,
        }
        files = [path for pattern in patterns for path in expand(pattern, **values)]
        return files + (expand(layout.text_vectors, **values) if study.generators else [])
