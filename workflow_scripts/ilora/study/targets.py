"""All artifacts of a study before its tables and figures, and the inputs of these."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from ilora.configuration.finetuning import finetuning_values
from ilora.configuration.types import DEFAULT_VARIANT
from ilora.layout import LAST_SNAPSHOT, expand, parse_run
from ilora.methods.register import BASELINES, CHAT_METHODS, GENERATORS, RECOMMENDERS
from ilora.study.drift import DriftFiles
from ilora.study.feedback import FeedbackFiles
from ilora.study.full_ranking import FullRankingFiles
from ilora.study.generative import GenerativeFiles
from ilora.study.models import ModelFiles
from ilora.study.random_splits import RandomSplitFiles
from ilora.study.recommenders import RecommenderFiles
from ilora.study.scarcity import ScarcityFiles
from ilora.study.study import Study, Wildcards
from ilora.study.sweeps import SweepFiles
from ilora.study.tuning import TuningFiles, early_snapshots

#: Files of a trained recommender.
_RECOMMENDER = (
    "model.safetensors",
    "item_embeddings.safetensors",
    "sequence_representations.safetensors",
    "predictions.parquet",
    "training_log.parquet",
)

#: Files of the pretrained embedded backbone.
_EMBEDDED = (
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "model.safetensors",
    "projector.safetensors",
    "training_log.parquet",
)


@dataclass(frozen=True)
class Targets:
    """The files that a study requests."""

    study: Study

    def runs(
        self,
        dataset: str,
        protocol: str | None = None,
        methods: Iterable[str] | None = None,
        seeds: Sequence[int] | None = None,
    ) -> list[str]:
        """Return the folders of the study that contain a `predictions.parquet` of the data set.

        Args:
            dataset: name of the data set.
            protocol: name of the protocol; None for the study's own.
            methods: some of the study's methods; None for all.
            seeds: some of the study's seeds; None for all.
        """
        config = self.study.config
        protocol, seeds = protocol or config.protocol, config.seeds if seeds is None else seeds
        chosen = self.study.methods if methods is None else methods
        return [path for name in chosen for path in self._runs_of(name, seeds, dataset=dataset, protocol=protocol)]

    def of_runs(self, name: str) -> list[str]:
        """Return the files of this name beside the tables of predictions of the study."""
        return [f"{folder}/{name}" for dataset in self.study.config.datasets for folder in self.runs(dataset)]

    @property
    def predictions(self) -> list[str]:
        """The predictions of every method."""
        return self.of_runs("predictions.parquet")

    def answer_samples(self, wildcards: Wildcards) -> list[str]:
        """Return the samples of answers of the methods that write text, on one data set."""
        return [
            f"{folder}/answer_sample.parquet"
            for folder in self.runs(wildcards["dataset"])
            if parse_run(folder).method in self.study.writing_methods
        ]

    @property
    def chat_predictions(self) -> list[str]:
        """The predictions of every chat method that the study runs."""
        return [path for path in self.predictions if parse_run(path).method in CHAT_METHODS]

    @property
    def runs_without_key(self) -> list[tuple[str, str, str, str]]:
        """Data set, protocol, method and model of every run that is left out because there is no key."""
        config = self.study.config
        return [
            (dataset, config.protocol, method, self.study.chat_model_id)
            for dataset in config.datasets
            for method in self.study.methods_without_key
        ]

    def gradients(self, wildcards: Wildcards) -> list[str]:
        """Return the gradients of all compared methods on one data set, over seeds and checkpoints."""
        return [
            path
            for method in self.study.gradient_methods
            for path in self.gradients_of(method, wildcards["dataset"], self.study.config.seeds)
        ]

    def gradients_of(self, method: str, dataset: str, seeds: tuple[int, ...]) -> list[str]:
        """Return the gradients of one method on one data set, over checkpoints."""
        early = early_snapshots(finetuning_values(self.study.config.finetuning, dataset, method))
        return self._of_study(
            self.study.layout.gradients,
            dataset=dataset,
            method=method,
            seed=seeds,
            snapshot=[*(f"step~{step}" for step in early), LAST_SNAPSHOT],
        )

    def profiles(self, wildcards: Wildcards) -> list[str]:
        """Return the cluster profiles on one data set, over seeds."""
        return self._of_study(self.study.layout.cluster_profiles, dataset=wildcards["dataset"])

    def synthetic(self, pattern: str) -> list[str]:
        """Return a file of the study on synthetic users over all degrees and seeds."""
        section = self.study.config.negative_transfer
        return expand(pattern, degree=section.degrees, seed=section.seeds)

    def artifacts(self) -> list[str]:
        """Return all artifacts before tables and figures, without duplicates, so that deleted ones are made again."""
        study, layout = self.study, self.study.layout
        patterns = [
            layout.interactions,
            layout.items,
            layout.preparation_steps,
            layout.sequences,
            layout.candidates,
            layout.dataset_statistics,
        ]
        files = [path for pattern in patterns for path in self._of_study(pattern)]
        files += self.recommenders.search()
        for name in _RECOMMENDER:
            files += self._of_study(layout.recommender_file(name), recommender=study.trained_recommenders)
        if "morec" in study.trained_recommenders:
            files += self._of_study(layout.title_vectors, backbone=study.title_encoder.model_id)
        files += self.generative.artifacts()
        for method in study.tuned_methods:
            for pattern in (*self.tuning.files(method), layout.adapter_card):
                files += self._of_study(pattern, method=method)
        for name in ("predictions.parquet", "metrics.parquet", "answer_sample.parquet"):
            files += self.of_runs(name)
        files += self._of_study(layout.gates, method=study.gated_methods)
        if study.uses_embedded_backbone or (study.encodes_titles and study.title_encoder.is_embedded):
            for name in _EMBEDDED:
                files += self._of_study(layout.embedded_backbone_file(name))
        return list(
            dict.fromkeys(
                [
                    *files,
                    *self.sweeps.artifacts(),
                    *self.random_splits.artifacts(),
                    *self.full_ranking.artifacts(),
                    *self.drift.artifacts(),
                    *self.scarcity.artifacts(),
                ]
            )
        )

    def evaluation_tables(self) -> list[str]:
        """Return the tables over all runs, from which figures and other tables are made."""
        layout = self.study.layout
        return [layout.metrics, layout.differences, layout.error_analysis]

    @cached_property
    def recommenders(self) -> RecommenderFiles:
        """The files of the recommenders."""
        return RecommenderFiles(self.study)

    @cached_property
    def models(self) -> ModelFiles:
        """The files of the language models."""
        return ModelFiles(self.study)

    @cached_property
    def tuning(self) -> TuningFiles:
        """The files of the tuned adapters."""
        return TuningFiles(self.study)

    @cached_property
    def sweeps(self) -> SweepFiles:
        """The files of the sweeps."""
        return SweepFiles(self.study)

    @cached_property
    def random_splits(self) -> RandomSplitFiles:
        """The files of random splits of the users."""
        return RandomSplitFiles(self.study)

    @cached_property
    def full_ranking(self) -> FullRankingFiles:
        """The files of the full ranking."""
        return FullRankingFiles(self.study)

    @cached_property
    def drift(self) -> DriftFiles:
        """The files of drift."""
        return DriftFiles(self.study)

    @cached_property
    def scarcity(self) -> ScarcityFiles:
        """Those of methods with little to learn from or to answer from."""
        return ScarcityFiles(self.study)

    @cached_property
    def feedback(self) -> FeedbackFiles:
        """The files of the simulation of recommend, click and retrain."""
        return FeedbackFiles(self.study)

    @cached_property
    def generative(self) -> GenerativeFiles:
        """The files of the generative recommenders."""
        return GenerativeFiles(self.study)

    def _runs_of(self, method: str, seeds: Sequence[int], **data: str) -> list[str]:
        layout = self.study.layout
        if method in BASELINES:
            return self._of_study(layout.baseline, **data, baseline=method)
        if method in RECOMMENDERS:
            return self._of_study(layout.recommender, **data, recommender=method, seed=seeds)
        if method in GENERATORS:
            return self._of_study(layout.generator, **data, generator=method, seed=seeds)
        if method in self.study.tuned_methods:
            return self._of_study(layout.tuned_run, **data, method=method, seed=seeds)
        if method == "chatrec":
            # Requests cost money, so only the ranking of the first seed is used.
            first, model = seeds[:1], self.study.chat_model_id
            return self._of_study(layout.tuned_run, **data, method=method, backbone=model, seed=first)
        model = self.study.chat_model_id if method in CHAT_METHODS else self.study.backbone_id
        return self._of_study(layout.untuned_run, **data, method=method, backbone=model)

    def _of_study(self, pattern: str, **values: object) -> list[str]:
        """Return the pattern filled with the study's own values, which the given ones override."""
        config = self.study.config
        own: dict[str, object] = {
            "dataset": config.datasets,
            "protocol": config.protocol,
            "seed": config.seeds,
            "backbone": self.study.backbone_id,
            "variant": DEFAULT_VARIANT,
            "sequence_encoder": config.recommenders.sequence_encoder,
        }
        return expand(pattern, **{**own, **values})
