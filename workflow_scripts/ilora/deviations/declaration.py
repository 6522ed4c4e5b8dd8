"""Deviations from the paper, and the settings that determine which of them a study has."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ilora.data.protocol_names import CHRONOLOGICAL
from ilora.methods.register import CHAT_METHODS, LANGUAGE_MODEL_METHODS, TUNED_METHODS
from ilora.reporting.weight_decays import WeightDecaySearch

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Deviation:
    """One departure from the paper.

    Attributes:
        subject: topic of the deviation.
        paper: what the paper, or the code and files released with it, does.
        here: what this study does.
        effect: how that changes the numbers or their meaning, or that this is unknown.
    """

    subject: str
    paper: str
    here: str
    effect: str


@dataclass(frozen=True)
class Settings:
    """The settings that determine which deviations a study has.

    Attributes:
        settings: the study's settings, nested as in its configuration.
        finetuning: for each data set, its resolved fine-tuning settings.
        presets: for each preset and each data set that it covers, the fine-tuning settings that the preset names.
        weight_decays: the searches for the recommenders' L2; empty if the settings name the value.
    """

    settings: Values
    finetuning: Mapping[str, Values]
    presets: Mapping[str, Mapping[str, Values]]
    weight_decays: Sequence[WeightDecaySearch] = ()

    @property
    def protocol(self) -> str:
        """The protocol of the study."""
        return str(self.settings["protocol"])

    @property
    def splits_by_user(self) -> bool:
        """Whether users are split as in the paper, so that its numbers are comparable with ours."""
        return self.protocol != CHRONOLOGICAL

    @property
    def is_embedded(self) -> bool:
        """Whether the language model is the one that the pipeline pretrains itself."""
        return bool(self.settings["backbone"]["name"] == "embedded")

    @property
    def lists_candidates(self) -> bool:
        """Whether prompts list the candidates."""
        return bool(self.settings["prompt"]["candidates"] == "listed")

    @property
    def tunes(self) -> bool:
        """Whether any method of the study fine-tunes the language model."""
        return self.compares_any_of(TUNED_METHODS)

    @property
    def generates(self) -> bool:
        """Whether any method of the study generates its answers with the language model."""
        return self.compares_any_of(LANGUAGE_MODEL_METHODS)

    @property
    def chats(self) -> bool:
        """Whether any method of the study is a chat model behind an endpoint."""
        return self.compares_any_of(CHAT_METHODS)

    @property
    def is_gated(self) -> bool:
        """Whether any method of the study has a gate."""
        return self.compares_any_of(name for name, method in LANGUAGE_MODEL_METHODS.items() if method.is_gated)

    @property
    def is_hybrid(self) -> bool:
        """Whether any tuned method of the study reads behaviour tokens."""
        return self.compares_any_of(
            name for name, method in LANGUAGE_MODEL_METHODS.items() if method.is_tuned and method.prompt == "hybrid"
        )

    def compares_any_of(self, methods: Iterable[str]) -> bool:
        """Return whether the study compares one of these methods."""
        return not set(methods).isdisjoint(self.settings["methods"])

    def has(self, dataset: str) -> bool:
        """Return whether the study is on this data set."""
        return dataset in self.settings["datasets"]

    def tuned_with(self, key: str) -> list[Any]:
        """Return the different values of a fine-tuning setting, over the data sets."""
        return list(dict.fromkeys(values[key] for values in self.finetuning.values()))


@dataclass(frozen=True)
class Declared:
    """A deviation with a fixed text.

    Attributes:
        found: the deviation.
        holds: returns whether a study has it.
    """

    found: Deviation
    holds: Callable[[Settings], bool]


def those_that_hold(declared: Iterable[Declared], study: Settings) -> Iterator[Deviation]:
    """Yield the declared deviations that a study has."""
    yield from (one.found for one in declared if one.holds(study))


def counted(count: int, name: str) -> str:
    """Return a count with its noun, such as "2 steps"."""
    return f"{count} {name}" if count == 1 else f"{count} {name}s"
