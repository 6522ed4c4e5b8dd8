"""Declarations of figures, tables and pages, from which their rules are generated.

Declarations are read whenever Snakemake plans, in every process: their modules import slow libraries (matplotlib,
torch, scikit-learn, scipy) only inside functions.
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

#: Values of a path's wildcards, such as {"dataset": "movielens"}.
Wildcards = Mapping[str, str]

#: The wildcards of a job, as Snakemake represents them.
RuleWildcards = Any

#: A path, several paths, or a function from wildcards to paths; a path may contain wildcards.
Source = str | Sequence[str] | Callable[[Wildcards], Sequence[str]]


@dataclass(frozen=True)
class Given:
    """What a figure, table or page is made from.

    Attributes:
        inputs: path or paths of each input, by name.
        settings: values of the study that the declaration selects.
        wildcards: values of the path's wildcards.
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
    """Return the wildcards of something that a study has once for each data set."""
    return [{"dataset": dataset} for dataset in study.config.datasets]


def of_the_study(study: Study) -> list[Wildcards]:
    """Return the wildcards of something that a study has once."""
    return [{}]


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """What figures, tables and pages have in common. The name of the module is the name of the figure, table or page.

    Attributes:
        folder: folder below the results.
        path: path in that folder, without the extension; it may contain wildcards such as "{dataset}".
        inputs: inputs by name.
        formats: extensions of its files. The report shows "svg" or "html".
        settings: plain values of the study; the files are made again when they change.
        caption: caption in the report, as reStructuredText.
        labels: labels in the report, which may contain wildcards.
        category: section of the report.
        wildcards: wildcards of each instance that a study has; empty if it has none.
        environment: file in envs/ with the required packages, without the extension.
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
        """Return the input function for Snakemake, which calls it when a job is planned."""
        return _of_rule_wildcards(lambda wildcards: _inputs(self.inputs(study), wildcards))

    def rule_settings(self, study: Study) -> Callable[[RuleWildcards], Mapping[str, Any]]:
        """Return the function that gives Snakemake the settings."""
        return _of_rule_wildcards(partial(self.settings, study))

    def rule_caption(self, study: Study) -> Callable[[RuleWildcards], str]:
        """Return the function that gives Snakemake the caption."""
        return _of_rule_wildcards(partial(self.caption, study))

    def patterns(self, study: Study) -> list[str]:
        """Return the paths of the files, with wildcards."""
        return [self.file(study, name) for name in self.formats]

    def file(self, study: Study, extension: str) -> str:
        """Return the path of one file, with wildcards."""
        return f"{study.layout.results}/{self.folder}/{self.path}.{extension}"

    def files(self, study: Study) -> list[str]:
        """Return every file that a study has."""
        patterns = self.patterns(study)
        return [pattern.format(**wildcards) for wildcards in self.wildcards(study) for pattern in patterns]


def every_file(declarations: Mapping[str, Declaration], study: Study) -> list[str]:
    """Return every declared file that a study has."""
    return [path for declared in declarations.values() for path in declared.files(study)]


def _inputs(sources: Mapping[str, Source], wildcards: Wildcards) -> dict[str, str | list[str]]:
    """Return the paths of each input, with wildcards replaced."""
    return {name: _paths(source, wildcards) for name, source in sources.items()}


def _paths(source: Source, wildcards: Wildcards) -> str | list[str]:
    if isinstance(source, str):
        return source.format(**wildcards)
    paths = source(wildcards) if callable(source) else source
    return [path.format(**wildcards) for path in paths]


def _of_rule_wildcards(function: Callable[[Wildcards], T]) -> Callable[[RuleWildcards], T]:
    return lambda wildcards: function(dict(wildcards.items()))


def declarations(package: str, constant: str) -> dict[str, Any]:
    """Return the declarations of a package's modules, by module name and in the order of the names.

    Args:
        package: name of the package. Each module except `declaration` declares one thing.
        constant: name of the constant that holds the declaration.
    """
    names = sorted(found.name for found in iter_modules(import_module(package).__path__))
    return {name: declared(package, constant, name) for name in names if name != "declaration"}


def declared(package: str, constant: str, name: str) -> Any:
    """Return the declaration of one module of a package, without importing the others.

    Raises:
        ImportError: if there is no such module.
        AttributeError: if the module lacks the constant.
    """
    return getattr(import_module(f"{package}.{name}"), constant)
