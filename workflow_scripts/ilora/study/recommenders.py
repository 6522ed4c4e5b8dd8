"""The files of the sequential recommenders, and their training settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ilora.configuration.section import Section
from ilora.configuration.sections.recommender_values import RecommenderTraining
from ilora.configuration.study import PROTOCOLS
from ilora.data.protocol_names import TRAINED_WITH_A_SETTING, WITH_SHORT_HISTORIES, kind_of, share_of
from ilora.layout import expand, fill
from ilora.methods.register import RECOMMENDERS
from ilora.recommenders.weight_decay import weight_decay_text
from ilora.study.models import of_training
from ilora.study.study import Study, Wildcards, one_of


@dataclass(frozen=True)
class RecommenderFiles:
    """Inputs of the rules for recommenders, and the parameters of their scripts."""

    study: Study

    @property
    def with_encoder(self) -> str:
        """Pattern for recommenders that train a title encoder, which have their own rule."""
        return one_of(self._with_encoder)

    @property
    def without_encoder(self) -> str:
        """Pattern for all other recommenders."""
        return one_of([name for name in RECOMMENDERS if name not in self._with_encoder])

    @property
    def trained_protocols(self) -> str:
        """A pattern of the protocols that recommenders are trained by."""
        return one_of((*PROTOCOLS, TRAINED_WITH_A_SETTING))

    @property
    def answered_protocols(self) -> str:
        """A pattern of those with short histories, which are answered by what was trained with whole ones."""
        return WITH_SHORT_HISTORIES

    def title_vectors(self, wildcards: Wildcards) -> dict[str, str]:
        """Return the title vectors for a recommender that reads them; none for others."""
        if wildcards["recommender"] != "morec":
            return {}
        encoder = self.study.title_encoder.model_id
        return {"title_vectors": fill(self.study.layout.title_vectors, **{**wildcards, "backbone": encoder})}

    def architecture(self, wildcards: Wildcards) -> dict[str, Any]:
        """Return the settings of a recommender's model alone, so that changes to another retrain nothing."""
        recommenders, recommender = self.study.config.recommenders, wildcards["recommender"]
        if recommender == "caseq_without_kl":
            return recommenders.caseq.model_copy(update={"kl_weight": 0.0}).plain()
        # MoRec's model is SASRec.
        section: Section = getattr(recommenders, "sasrec" if recommender == "morec" else recommender)
        return section.plain()

    @property
    def training(self) -> dict[str, Any]:
        """Training settings of every recommender, including the L2 unless it is searched."""
        recommenders = self.study.config.recommenders
        own = {} if recommenders.is_weight_decay_searched else {"weight_decay": recommenders.weight_decay}
        return self.training_of_trials | own

    @property
    def training_of_trials(self) -> dict[str, Any]:
        """Training settings of every recommender, without the L2."""
        values = self.study.config.recommenders.model_dump(include=set(RecommenderTraining.model_fields))
        return RecommenderTraining(**values).plain()

    def all_users(self, wildcards: Wildcards) -> dict[str, str]:
        """Return the statistics of all users, where a share of them is trained on: they say how long an epoch is."""
        protocol = wildcards["protocol"]
        if share_of(protocol) is None:
            return {}
        whole = {**wildcards, "protocol": kind_of(protocol)}
        return {"statistics_of_all_users": fill(self.study.layout.dataset_statistics, **whole)}

    def trained_with_whole_histories(self, wildcards: Wildcards) -> dict[str, str]:
        """Return the trained model that answers short histories, and its representations of whole ones."""
        files = {"model": "model", "trained_representations": "sequence_representations"}
        layout, trained = self.study.layout, of_training(wildcards)
        return {name: fill(layout.recommender_file(f"{file}.safetensors"), **trained) for name, file in files.items()}

    @property
    def encoder_tuning(self) -> dict[str, Any]:
        """Training settings of a title encoder that is trained with its recommender."""
        morec = self.study.config.recommenders.morec
        return {"learning_rate": morec.encoder_learning_rate, "compared_items": morec.compared_items}

    def searched_weight_decay(self, wildcards: Wildcards) -> dict[str, str]:
        """Return the table with the selected L2; none if the study sets the value."""
        searched = self.study.config.recommenders.is_weight_decay_searched
        return {"weight_decay": fill(self.study.layout.weight_decays, **wildcards)} if searched else {}

    @property
    def trials(self) -> list[tuple[str, int]]:
        """The L2, as in paths, and the seed of every training of the search."""
        search = self.study.config.recommenders.weight_decay_search
        return [(weight_decay_text(value), seed) for value in search.values for seed in search.seeds]

    def trial_logs(self, wildcards: Wildcards) -> list[str]:
        """Return all training logs of the search for one recommender."""
        pattern = fill(self.study.layout.trial_log, **wildcards)
        return [fill(pattern, weight_decay=weight_decay, seed=seed) for weight_decay, seed in self.trials]

    def search(self) -> list[str]:
        """Return all files of the search for every data set and recommender; empty if the study sets the L2."""
        return [*self.weight_decays(), *self._of_search(self.study.layout.trial_log)]

    def weight_decays(self) -> list[str]:
        """Return the tables of tried L2 values for every data set and recommender; empty without a search."""
        return self._of_search(self.study.layout.weight_decays)

    def of_seed(self, recommender: str, name: str, wildcards: Wildcards) -> str:
        """Return a file of a trained recommender."""
        return fill(self.study.layout.recommender_file(name), **{**wildcards, "recommender": recommender})

    def _of_search(self, pattern: str) -> list[str]:
        config = self.study.config
        if not config.recommenders.is_weight_decay_searched:
            return []
        search = config.recommenders.weight_decay_search
        return expand(
            pattern,
            dataset=config.datasets,
            protocol=config.protocol,
            recommender=self.study.trained_recommenders,
            weight_decay=[weight_decay_text(value) for value in search.values],
            seed=search.seeds,
        )

    @property
    def _with_encoder(self) -> list[str]:
        return ["morec"] if self.study.config.recommenders.morec.is_end_to_end else []
