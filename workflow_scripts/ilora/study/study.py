"""A validated study, and which of its methods are run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from ilora.baselines.chat.keys import read_key
from ilora.configuration.endpoint import endpoint_address
from ilora.configuration.generative_variants import generative_variant, variant_names
from ilora.configuration.loading import load_study
from ilora.configuration.packaged_models import INSTALLATION
from ilora.configuration.problems import Problem
from ilora.configuration.sections.backbone import BackboneSection
from ilora.configuration.study import PROTOCOLS, StudyConfig
from ilora.configuration.validation import ConfigurationError
from ilora.data.protocol_names import WITH_A_SETTING
from ilora.layout import LAST_SNAPSHOT, Layout
from ilora.methods.declaration import LanguageModelMethod
from ilora.methods.register import (
    BASELINES,
    CHAT_METHODS,
    GENERATORS,
    LABELS,
    LANGUAGE_MODEL_METHODS,
    RECOMMENDERS,
)
from ilora.random_splits.splitting import OWN, split_name
from ilora.recommenders.weight_decay import weight_decay_text

if TYPE_CHECKING:
    from ilora.study.targets import Targets

#: What a path's wildcards stand for, such as {"dataset": "movielens"}.
Wildcards = Mapping[str, str]

#: Whose item embeddings are the collaborative level of CoFiRec's ids.
COLLABORATIVE_RECOMMENDER = "sasrec"

#: Uniform and instance-wise LoRA: what Figures 1 and 3 of the paper compare.
_COMPARED_GRADIENTS = ("llara", "ilora")


@dataclass(frozen=True)
class Study:
    """A study as it is run here.

    Attributes:
        config: its configuration.
        has_chat_key: whether the environment holds the key of its chat model, or it wants none.
        chat_address: of the endpoint of its chat model.
    """

    config: StudyConfig
    has_chat_key: bool
    chat_address: str

    @classmethod
    def load(cls, config: Mapping[str, object], environment: Mapping[str, str]) -> Study:
        """Return the study of a configuration as read from YAML.

        Args:
            config: merged, as Snakemake has it.
            environment: usually `os.environ`.

        Raises:
            ConfigurationError: the configuration is wrong, none of the study's methods can be run here, or a model
                that it uses lies in a package that is not installed.
        """
        validated = load_study(config)
        variable = validated.chat.key_variable
        study = cls(
            validated,
            has_chat_key=read_key(variable, environment) is not None,
            chat_address=endpoint_address(validated.chat, environment),
        )
        if not study.methods:
            expected = (
                f"others too. None of them can be run: the environment variable {variable} holds no key. Set it, or "
                "add other methods"
            )
            raise ConfigurationError([Problem("methods", f"only {', '.join(validated.methods)}", expected)])
        if missing := [*study._missing_packages()]:
            raise ConfigurationError(missing)
        return study

    def _missing_packages(self) -> Iterator[Problem]:
        models = {"backbone.name": self.config.backbone} if self.backbone_methods else {}
        models |= {"recommenders.morec.encoder": self.title_encoder} if self.encodes_titles else {}
        for key, model in models.items():
            if model.package is not None and model.package.find() is None:
                expected = (
                    f"a model that is here: it lies in the package {model.package.package} {model.package.version}, "
                    f"which is not installed. `{INSTALLATION}` installs it, as `make pretrained` and `make study` do"
                )
                yield Problem(key, model.name, expected)

    @cached_property
    def layout(self) -> Layout:
        """Where its artifacts lie."""
        return Layout(self.config.results, self.config.recommenders.is_weight_decay_searched)

    @cached_property
    def targets(self) -> Targets:
        """The files that it asks for."""
        from ilora.study.targets import Targets  # which is written in terms of a study

        return Targets(self)

    @property
    def backbone_id(self) -> str:
        """The backbone's name in paths."""
        return self.config.backbone.identifier

    @property
    def chat_model_id(self) -> str:
        """The chat model's name in paths."""
        return self.config.chat.identifier

    @cached_property
    def title_encoder(self) -> BackboneSection:
        """The model that makes vectors of titles, for MoRec."""
        return self.config.recommenders.morec.model

    @cached_property
    def methods(self) -> tuple[str, ...]:
        """The methods that are run, in the order of the rows of Table 1: a chat model's only where its key is there."""
        return tuple(
            method
            for method in LABELS
            if method in self.config.methods and (self.has_chat_key or method not in CHAT_METHODS)
        )

    @property
    def methods_without_key(self) -> tuple[str, ...]:
        """The methods that are not run, since there is no key."""
        return tuple(method for method in self.config.methods if method not in self.methods)

    @property
    def backbone_methods(self) -> tuple[str, ...]:
        """The methods of the backbone."""
        return tuple(method for method in self.methods if method in LANGUAGE_MODEL_METHODS)

    @property
    def tuned_methods(self) -> tuple[str, ...]:
        """Of these, the ones that tune it, and so have adapters and training logs."""
        return tuple(method for method in self.backbone_methods if LANGUAGE_MODEL_METHODS[method].is_tuned)

    @property
    def gated_methods(self) -> tuple[str, ...]:
        """Of these, the ones whose experts have weights for each sequence."""
        return tuple(method for method in self.tuned_methods if LANGUAGE_MODEL_METHODS[method].is_gated)

    @property
    def gradient_methods(self) -> tuple[str, ...]:
        """The methods whose gradients are compared."""
        return tuple(method for method in _COMPARED_GRADIENTS if method in self.tuned_methods)

    @property
    def writing_methods(self) -> tuple[str, ...]:
        """The methods that answer in text."""
        return tuple(method for method in self.methods if method in (*self.backbone_methods, *CHAT_METHODS))

    @property
    def writing_models(self) -> str:
        """The language models behind these answers, as they stand above pages and figures."""
        models = (self.chat_model_id if method in CHAT_METHODS else self.backbone_id for method in self.writing_methods)
        return ", ".join(dict.fromkeys(models))

    @cached_property
    def trained_recommenders(self) -> tuple[str, ...]:
        """The recommenders that are trained: those that are compared, and the sequence encoder where one is read."""
        has_encoder = "chatrec" in self.methods or any(
            LANGUAGE_MODEL_METHODS[method].is_hybrid for method in self.backbone_methods
        )
        read = [self.config.recommenders.sequence_encoder] if has_encoder else []
        read += [COLLABORATIVE_RECOMMENDER] if self.generates_from_interactions else []
        return tuple(name for name in RECOMMENDERS if name in (*self.methods, *read))

    @property
    def generators(self) -> tuple[str, ...]:
        """The methods that write ids of items."""
        return tuple(method for method in self.methods if method in GENERATORS)

    @property
    def generates_from_interactions(self) -> bool:
        """Whether the ids of a method, or of an ablation of it, are made of a recommender's item embeddings too."""
        section, method = self.config.generative, "cofirec"
        settings = (generative_variant(section, method, name).cofirec for name in variant_names(section, method))
        return method in self.methods and any(each.reads_interactions for each in settings)

    @property
    def chat_draws(self) -> dict[str, int]:
        """How many candidate sets of each sequence the chat methods are asked about, by method."""
        return {method: self.config.chat.draws for method in self.methods if method in CHAT_METHODS}

    @property
    def wildcards(self) -> dict[str, str]:
        """What the wildcards of paths may stand for: a regular expression for each."""
        search = self.config.recommenders.weight_decay_search
        return {
            "dataset": one_of(self.config.known_datasets),
            "protocol": one_of((*PROTOCOLS, WITH_A_SETTING)),
            "periods": r"\d+",
            "recommender": one_of(RECOMMENDERS),
            "weight_decay": one_of(map(weight_decay_text, search.values)),
            "baseline": one_of(BASELINES),
            "generator": one_of(GENERATORS),
            "method": one_of(LANGUAGE_MODEL_METHODS),
            "backbone": r"[A-Za-z0-9._@+-]+",
            "variant": r"[A-Za-z0-9._~-]+",
            "seed": r"\d+",
            "step": r"\d+",
            "snapshot": rf"step~\d+|{LAST_SNAPSHOT}",
            "degree": r"\d+(\.\d+)?",
            "sweep": one_of(self.config.sweeps),
            "users": rf"{OWN}|{split_name('[0-9]+')}",
        }

    @property
    def encodes_titles(self) -> bool:
        """Whether a recommender of the study reads titles, or ids are made of texts."""
        return "morec" in self.trained_recommenders or bool(self.generators)

    @property
    def uses_embedded_backbone(self) -> bool:
        """Whether a method of the language model needs the backbone that the pipeline pretrains."""
        return self.config.backbone.is_embedded and bool(self.backbone_methods)


def one_of(names: Iterable[str]) -> str:
    """Return a pattern that matches these names, and nothing if there are none."""
    return "|".join(names) or "(?!)"


def methods_that(**properties: object) -> str:
    """Return a pattern that matches the methods of the language model, in any study, with these properties."""

    def fits(method: LanguageModelMethod) -> bool:
        return all(getattr(method, key) == value for key, value in properties.items())

    return one_of([name for name, method in LANGUAGE_MODEL_METHODS.items() if fits(method)])
