"""The cells of a study's sweeps, and checks of the sweeps."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from ilora.configuration.problems import Problem
from ilora.configuration.sections.finetuning import finetuning_problems
from ilora.configuration.sections.sweeps import SweepSection
from ilora.configuration.study import StudyConfig
from ilora.configuration.sweep_cells import SweepCell
from ilora.configuration.validation import ConfigurationError, show
from ilora.configuration.variants import (
    KEYS,
    LONGEST_VARIANT,
    check_overrides,
    expected_key,
    format_overrides,
    variant_name,
    variant_settings,
)


def sweep_cells(study: StudyConfig, name: str) -> list[SweepCell]:
    """Return the distinct cells of a valid sweep, ordered by data set and method."""
    sweep = study.sweeps[name]
    overrides = [check_overrides({**sweep.settings, sweep.parameter: value}, ()) for value in sweep.values]
    texts = [format_overrides(row)[sweep.parameter] for row in overrides]
    cells = []
    for dataset in sweep_datasets(study, sweep):
        reference = _reference(study, sweep, dataset)
        for method in sweep.methods:
            variants = [variant_name(study, dataset, method, row) for row in overrides]
            settings: list[str | None] = [*texts]
            if len(set(variants)) == 1:
                variants, settings = variants[:1], [None]
            cells += [
                SweepCell(dataset, method, setting, variant, (method, variant) == (sweep.methods[0], reference))
                for setting, variant in zip(settings, variants, strict=True)
            ]
    return cells


def sweep_datasets(study: StudyConfig, sweep: SweepSection) -> tuple[str, ...]:
    """Return the data sets of a sweep."""
    return study.datasets if sweep.datasets is None else sweep.datasets


def sweep_seeds(study: StudyConfig, sweep: SweepSection) -> tuple[int, ...]:
    """Return the seeds of a sweep."""
    return study.seeds if sweep.seeds is None else sweep.seeds


def sweep_problems(study: StudyConfig) -> list[Problem]:
    """Return the problems of the sweeps in an otherwise valid study."""
    problems: list[Problem] = []
    for name, sweep in study.sweeps.items():
        path = f"sweeps.{name}"
        found = [*_problems_of_keys(study, sweep, path)] or [*_problems_of_values(sweep, path)]
        problems += found or [*_problems_of_combinations(study, sweep, path)]
    return list(dict.fromkeys(problems))


def _problems_of_keys(study: StudyConfig, sweep: SweepSection, path: str) -> Iterator[Problem]:
    if sweep.parameter not in KEYS:
        yield Problem(f"{path}.parameter", sweep.parameter, expected_key(sweep.parameter))
    if sweep.parameter in sweep.settings:
        yield Problem(f"{path}.settings.{sweep.parameter}", "the parameter", "the parameter only in values")
    for dataset in sweep_datasets(study, sweep):
        if dataset not in study.datasets:
            yield Problem(f"{path}.datasets", dataset, f"one of the study's datasets ({', '.join(study.datasets)})")
    for key in ("methods", "values", "datasets", "seeds"):
        entries = [show(entry) for entry in getattr(sweep, key) or ()]
        for entry in dict.fromkeys(entries):
            if entries.count(entry) > 1:
                yield Problem(f"{path}.{key}", f"{entry} {entries.count(entry)} times", "each entry once")


def _problems_of_values(sweep: SweepSection, path: str) -> Iterator[Problem]:
    rows = {f"{path}.values[{place}]": {sweep.parameter: value} for place, value in enumerate(sweep.values)}
    for where, row in {f"{path}.settings": sweep.settings, **rows}.items():
        try:
            check_overrides(row, (where,))
        except ConfigurationError as error:
            yield from error.problems


def _problems_of_combinations(study: StudyConfig, sweep: SweepSection, path: str) -> Iterator[Problem]:
    for dataset in sweep_datasets(study, sweep):
        for (place, value), method in product(enumerate(sweep.values), sweep.methods):
            overrides = check_overrides({**sweep.settings, sweep.parameter: value}, ())
            try:
                values = variant_settings(study, dataset, method, overrides).finetuning
            except ConfigurationError as error:
                yield from error.problems
                continue
            variant = variant_name(study, dataset, method, overrides)
            if len(variant) > LONGEST_VARIANT:
                expected = f"settings whose name in paths has at most {LONGEST_VARIANT} characters: replace fewer"
                yield Problem(
                    f"{path}.values[{place}]", f"{show(value)}, whose name in paths is {show(variant)}", expected
                )
            for problem in finetuning_problems(values, method, lambda key: f"finetuning.{key}"):
                found = f"{show(value)}, which makes {problem.path} {problem.found} on {dataset}"
                yield Problem(f"{path}.values[{place}]", found, problem.expected)
        if _reference(study, sweep, dataset) is None:
            expected = f"the study's own {sweep.parameter} of {dataset} among them, as the reference for the others"
            yield Problem(f"{path}.values", show(list(sweep.values)), expected)


def _reference(study: StudyConfig, sweep: SweepSection, dataset: str) -> str | None:
    """Return the variant of the first method at the study's own value of the parameter; None if it is not swept."""
    method = sweep.methods[0]
    own = variant_name(study, dataset, method, check_overrides(sweep.settings, ()))
    swept = [
        variant_name(study, dataset, method, check_overrides({**sweep.settings, sweep.parameter: value}, ()))
        for value in sweep.values
    ]
    return own if own in swept else None
