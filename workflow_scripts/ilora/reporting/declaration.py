"""What every figure, table and page says of itself, so that the rules that make it can be written from it.

A declaration is read whenever Snakemake plans, in every process: its module imports nothing slow (matplotlib, torch,
scikit-learn, scipy) before something is made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from ilora.study.study import Study

T = TypeVar("T")

#: What a path's wildcards stand for, such as {"dataset": "movielens"}.
Wildcards = Mapping[str, str]

#: The wildcards of a job, as Snakemake has them.
RuleWildcards = Any

#: A path, several, or what gives them by the wildcards; a path may hold the wildcards itself.
Source = str | Sequence[str] | Callable[[Wildcards], Sequence[str]]


@dataclass(frozen=True)
class Given:
    """What something is made from.

    Attributes:
        inputs: the path, or the paths, of each input.
        settings: values of the study, as the declaration chose them.
        wildcards: what the wildcards of the path stand for.
    """

    inputs: Mapping[str, Any]
    settings: Mapping[str, Any]
    wildcards: Wildcards


def no_settings(study: Study, wildcards: Wildcards) -> dict[str, Any]:
    """Return no settings."""
    return {}


def no_caption(study: Study, wildcards: Wildcards) -> str:
    """Return no caption."""
    return ""


def no_labels(study: Study) -> dict[str, str]:
    """Return no labels."""
    return {}


def of_each_dataset(study: Study) -> list[Wildcards]:
    """Return the wildcards of what a study has once for each data set."""
    return [{"dataset": dataset} for dataset in study.config.datasets]


def of_the_study(study: Study) -> list[Wildcards]:
    """Return the wildcards of what a study has once."""
    return [{}]


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """What a figure, a table and a page have in common. The name of its module is its name.

    Attributes:
        folder: below the results.
        path: from there, without the extension; it may hold wildcards, as "{dataset}".
        inputs: what it is made from, by name.
        formats: the extensions of its files. The report shows "svg" or "html".
        settings: plain values of the study that it is made with; it is made again when they change.
        caption: what stands below it in the report, reStructuredText.
        labels: what the report lists it by; wildcards may stand in them.
        category: the part of the report that it belongs to.
        wildcards: of each that a study has; none where it is no part of a study.
        environment: the file in envs/ that names the packages it is made with, without the extension.
    """

    folder: str
    path: str
    inputs: Callable[[Study], Mapping[str, Source]]
    formats: tuple[str, ...]
    caption: Callable[[Study, Wildcards], str] = no_caption
    labels: Callable[[Study], Mapping[str, str]] = no_labels
    category: str = ""
    settings: Callable[[Study, Wildcards], Mapping[str, Any]] = no_settings
    wildcards: Callable[[Study], Sequence[Wildcards]] = of_each_dataset
    environment: str = "evaluation"

    def rule_inputs(self, study: Study) -> Callable[[RuleWildcards], Mapping[str, str | list[str]]]:
        """Return what gives its inputs to Snakemake; they are asked for where a job of it is planned."""
        return _of_rule_wildcards(lambda wildcards: _inputs(self.inputs(study), wildcards))

    def rule_settings(self, study: Study) -> Callable[[RuleWildcards], Mapping[str, Any]]:
        """Return what gives its settings to Snakemake."""
        return _of_rule_wildcards(partial(self.settings, study))

    def rule_caption(self, study: Study) -> Callable[[RuleWildcards], str]:
        """Return what gives its caption to Snakemake."""
        return _of_rule_wildcards(partial(self.caption, study))

    def patterns(self, study: Study) -> list[str]:
        """Return the paths of its files, with the wildcards in them."""
        return [self.file(study, name) for name in self.formats]

    def file(self, study: Study, extension: str) -> str:
        """Return the path of one of its files, with the wildcards in it."""
        return f"{study.layout.results}/{self.folder}/{self.path}.{extension}"

    def files(self, study: Study) -> list[str]:
        """Return every file of it that a study has."""
        patterns = self.patterns(study)
        return [pattern.format(**wildcards) for wildcards in self.wildcards(study) for pattern in patterns]


def every_file(declarations: Mapping[str, Declaration], study: Study) -> list[str]:
    """Return every file that a study has of what is declared."""
    return [path for declared in declarations.values() for path in declared.files(study)]


def _inputs(sources: Mapping[str, Source], wildcards: Wildcards) -> dict[str, str | list[str]]:
    """Return the paths of each input, with their wildcards replaced."""
    return {name: _paths(source, wildcards) for name, source in sources.items()}


def _paths(source: Source, wildcards: Wildcards) -> str | list[str]:
    if isinstance(source, str):
        return source.format(**wildcards)
    paths = source(wildcards) if callable(source) else source
    return [path.format(**wildcards) for path in paths]


def _of_rule_wildcards(function: Callable[[Wildcards], T]) -> Callable[[RuleWildcards], T]:
    return lambda wildcards: function(dict(wildcards.items()))


def declarations(package: str, constant: str) -> dict[str, Any]:
    """Return what the modules of a package declare, by the module's name and in the order of the names.

    Args:
        package: its name. Each of its modules but `declaration` declares one thing.
        constant: the name under which a module does.
    """
    names = sorted(found.name for found in iter_modules(import_module(package).__path__))
    return {name: declared(package, constant, name) for name in names if name != "declaration"}


def declared(package: str, constant: str, name: str) -> Any:
    """Return what one module of a package declares, without importing the others.

    Raises:
        ImportError: there is no such module.
        AttributeError: the module does not declare it.
    """
    return getattr(import_module(f"{package}.{name}"), constant)
