"""A validated study, and the methods that it runs."""

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

#: Wildcard values of a path, such as {"dataset": "movielens"}.
Wildcards = Mapping[str, str]

#: Recommender whose item embeddings form the collaborative level of CoFiRec's ids.
COLLABORATIVE_RECOMMENDER = "sasrec"

#: Uniform and instance-wise LoRA, which Figures 1 and 3 of the paper compare.
_COMPARED_GRADIENTS = ("llara", "ilora")


@dataclass(frozen=True)
class Study:
    """A study in the current environment.

    Attributes:
        config: configuration of the study.
        has_chat_key: whether the environment contains the key of its chat model, or none is needed.
        chat_address: address of its chat model's endpoint.
    """

    config: StudyConfig
    has_chat_key: bool
    chat_address: str

    @classmethod
    def load(cls, config: Mapping[str, object], environment: Mapping[str, str]) -> Study:
        """Return the study of a configuration as read from YAML.

        Args:
            config: merged configuration, as Snakemake provides it.
            environment: environment variables, usually `os.environ`.

        Raises:
            ConfigurationError: the configuration is not valid, none of the study's methods can run here, or a model
                that it uses is in a package that is not installed.
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
                f"other methods too, because none of these can run: the environment variable {variable} contains no "
                "key. Set it, or add other methods"
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
                    f"an installed model: it is in the package {model.package.package} {model.package.version}, which "
                    f"is not installed. `{INSTALLATION}` installs it, as do `make pretrained` and `make study`"
                )
                yield Problem(key, model.name, expected)

    @cached_property
    def layout(self) -> Layout:
        """The paths of its artifacts."""
        return Layout(self.config.results, self.config.recommenders.is_weight_decay_searched)

    @cached_property
    def targets(self) -> Targets:
        """The files that it requests."""
        from ilora.study.targets import Targets  # a circular import at module level

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
        """The model that encodes titles for MoRec."""
        return self.config.recommenders.morec.model

    @cached_property
    def methods(self) -> tuple[str, ...]:
        """The methods to run, in the order of Table 1; chat methods only if there is a key."""
        return tuple(
            method
            for method in LABELS
            if method in self.config.methods and (self.has_chat_key or method not in CHAT_METHODS)
        )

    @property
    def methods_without_key(self) -> tuple[str, ...]:
        """The methods that do not run because there is no key."""
        return tuple(method for method in self.config.methods if method not in self.methods)

    @property
    def backbone_methods(self) -> tuple[str, ...]:
        """The methods that use the backbone."""
        return tuple(method for method in self.methods if method in LANGUAGE_MODEL_METHODS)

    @property
    def tuned_methods(self) -> tuple[str, ...]:
        """The backbone methods that tune it, and so have adapters and training logs."""
        return tuple(method for method in self.backbone_methods if LANGUAGE_MODEL_METHODS[method].is_tuned)

    @property
    def gated_methods(self) -> tuple[str, ...]:
        """The tuned methods with a gate."""
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
        """The language models of these methods, for the headings of pages and figures."""
        models = (self.chat_model_id if method in CHAT_METHODS else self.backbone_id for method in self.writing_methods)
        return ", ".join(dict.fromkeys(models))

    @cached_property
    def trained_recommenders(self) -> tuple[str, ...]:
        """The recommenders to train: the compared ones, and those that other methods read."""
        has_encoder = "chatrec" in self.methods or any(
            LANGUAGE_MODEL_METHODS[method].is_hybrid for method in self.backbone_methods
        )
        read = [self.config.recommenders.sequence_encoder] if has_encoder else []
        read += [COLLABORATIVE_RECOMMENDER] if self.generates_from_interactions else []
        return tuple(name for name in RECOMMENDERS if name in (*self.methods, *read))

    @property
    def generators(self) -> tuple[str, ...]:
        """The generative recommenders."""
        return tuple(method for method in self.methods if method in GENERATORS)

    @property
    def generates_from_interactions(self) -> bool:
        """Whether ids of a method or an ablation also depend on a recommender's item embeddings."""
        section, method = self.config.generative, "cofirec"
        settings = (generative_variant(section, method, name).cofirec for name in variant_names(section, method))
        return method in self.methods and any(each.reads_interactions for each in settings)

    @property
    def chat_draws(self) -> dict[str, int]:
        """The number of candidate sets per sequence for each chat method."""
        return {method: self.config.chat.draws for method in self.methods if method in CHAT_METHODS}

    @property
    def wildcards(self) -> dict[str, str]:
        """A regular expression for each wildcard of paths."""
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
        """Whether a recommender of the study reads titles, or ids are made from texts."""
        return "morec" in self.trained_recommenders or bool(self.generators)

    @property
    def uses_embedded_backbone(self) -> bool:
        """Whether a method of the language model needs the backbone that the pipeline pretrains."""
        return self.config.backbone.is_embedded and bool(self.backbone_methods)


def one_of(names: Iterable[str]) -> str:
    """Return a pattern that matches these names only, or nothing if there are none."""
    return "|".join(names) or "(?!)"


def methods_that(**properties: object) -> str:
    """Return a pattern that matches the language-model methods of any study that have these properties."""

    def fits(method: LanguageModelMethod) -> bool:
        return all(getattr(method, key) == value for key, value in properties.items())

    return one_of([name for name, method in LANGUAGE_MODEL_METHODS.items() if fits(method)])
