"""The runs of a generative recommender, with the study's settings and with those of its ablations.

A run's name in paths consists of the settings that it replaces in the section of its method, as ``key~value`` pairs
joined by ``_``; the study's own run is ``default``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from ilora.configuration.problems import Problem
from ilora.configuration.section import Section
from ilora.configuration.sections.generative import GenerativeSection
from ilora.configuration.study import StudyConfig
from ilora.configuration.types import DEFAULT_VARIANT
from ilora.configuration.validation import ConfigurationError, show, validate
from ilora.methods.register import GENERATORS


def ablation_name(overrides: Mapping[str, object]) -> str:
    """Return the name in paths of a run that replaces these settings, such as ``order~random``."""
    return "_".join(f"{key}~{_format(value)}" for key, value in overrides.items())


def variant_names(section: GenerativeSection, method: str) -> list[str]:
    """Return the names in paths of a method's runs, with the study's own first."""
    return [DEFAULT_VARIANT, *map(ablation_name, section.ablations.get(method, ()))]


def generative_variant(section: GenerativeSection, method: str, name: str) -> GenerativeSection:
    """Return the settings of one run of a method.

    Args:
        section: section of a valid study.
        method: id of the method.
        name: name of the run in paths.

    Raises:
        ConfigurationError: the study has no such run.
    """
    if name == DEFAULT_VARIANT:
        return section
    for overrides in section.ablations.get(method, ()):
        if ablation_name(overrides) == name:
            return section.model_copy(update={method: _replaced(section, method, overrides, ())})
    expected = f"one of {', '.join(variant_names(section, method))}, the runs of {method} in generative.ablations"
    raise ConfigurationError([Problem("variant", name, expected)])


def ablation_problems(study: StudyConfig) -> Iterator[Problem]:
    """Yield the problems of the ablations in an otherwise valid study."""
    ablations, path = study.generative.ablations, "generative.ablations"
    methods = [method for method in study.methods if method in GENERATORS]
    if ablations and not study.full_ranking.enabled:
        yield Problem("full_ranking.enabled", "false", f"true: {path} are compared by their full rankings")
    for method, runs in ablations.items():
        if method not in methods:
            expected = f"one of the study's generative recommenders ({', '.join(methods) or 'it has none'})"
            yield Problem(f"{path}.{method}", "another method", expected)
            continue
        met: list[Section] = [getattr(study.generative, method)]
        for place, overrides in enumerate(runs):
            where = f"{path}.{method}[{place}]"
            try:
                settings = _replaced(study.generative, method, overrides, (where,))
            except ConfigurationError as error:
                yield from error.problems
                continue
            if settings in met:
                yield Problem(where, show(overrides), "settings that differ from the study's and other ablations'")
            met.append(settings)


def _replaced(
    section: GenerativeSection, method: str, overrides: Mapping[str, object], where: tuple[str, ...]
) -> Section:
    own: Section = getattr(section, method)
    return validate(type(own), {**own.model_dump(mode="json"), **overrides}, where)


def _format(value: object) -> str:
    if isinstance(value, list):
        return "-".join(map(_format, value))
    return value if isinstance(value, str) else json.dumps(value)
