"""Coverage of the intervals and error rates of the tests, by simulation: `ilora simulate`.

The simulation generates answers of methods with a known HitRatio@1, for test sets of the paper's sizes, and applies the
functions that the tables use. It prints, and with `--output` writes as Parquet,

- coverage: how often the intervals contain the true value;
- coverage over trainings: the same for means over several trainings and for differences between such means, compared
  with intervals over users alone; and how often the test finds a difference between equally good methods;
- false findings: how often a table of comparisons between equally good methods has a difference that is significant
  after Holm's correction, by the tests of `ilora.evaluation.significance` and by McNemar's test on all rows, which
  treats the draws of a user as independent;
- power: how often a true difference is found, compared with the textbook calculation.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.stats import binom
from statsmodels.stats.power import TTestPower
from tabulate import tabulate

from ilora.artifacts.parquet import write_table
from ilora.cli import example
from ilora.evaluation.intervals import (
    IntervalSettings,
    UserSums,
    difference_interval,
    interval_of_mean,
    variation_of_difference,
    wilson_interval,
)
from ilora.evaluation.significance import holm, sign_flip_test
from ilora.evaluation.simulated_answers import (
    Population,
    Values,
    simulate_hits,
    simulate_methods,
    simulate_pair,
    simulate_trainings,
)

#: Test users of MovieLens, LastFM and Steam that the paper evaluates.
TEST_USERS = (95, 122, 1186)
DRAWS = 10
LEVEL = 0.05
CORRELATIONS = (0.1, 0.3, 0.6)
RATES = (0.05, 0.2, 0.45, 0.8, 0.95)
#: Rates at which few users have a hit, or a miss; the intervals are conservative there.
EXTREME_RATES = (0.01, 0.02, 0.98)
#: Methods in a simulated table, including the reference.
METHODS = 8
AGREEMENT = 0.5
#: Share of misses that a better method turns into hits, by test users and draws, chosen for a power of about 0.8.
GAINS = {(95, 1): 0.35, (122, 1): 0.305, (1186, 1): 0.09, (95, 10): 0.205, (122, 10): 0.18, (1186, 10): 0.06}

#: Trainings of each method.
TRAININGS = (1, 2, 3, 5)
#: Standard deviations of HitRatio@1 between trainings; README's Caser has 0.03 over three.
TRAINING_SDS = (0.0, 0.01, 0.02, 0.04)
#: Correlation of a user's answers, by rate.
TRAINED_RATES = {0.2: 0.3, 0.45: 0.6, 0.8: 0.6}
#: Agreement of users on the trainings of a method.
TRAINING_AGREEMENT = 0.7

_AT_ONCE = 250


def simulate_coverage(simulations: int, seed: int, test_users: Sequence[int] = TEST_USERS) -> pa.Table:
    """Return the coverage of the intervals of HitRatio@1, of HitRatio@1 over valid, and of differences."""
    return pa.Table.from_pylist(list(_coverage(simulations, np.random.default_rng([seed, 1]), test_users)))


def simulate_coverage_over_trainings(
    simulations: int,
    seed: int,
    test_users: Sequence[int] = TEST_USERS[:2],
    rates: Mapping[float, float] = TRAINED_RATES,
    sds: Sequence[float] = TRAINING_SDS,
) -> pa.Table:
    """Return the coverage of intervals over users and trainings, and the error rate of tests, by number and spread.

    The columns with "users" in their name are for intervals and tests that ignore the variation over trainings.
    """
    return pa.Table.from_pylist(
        list(_coverage_over_trainings(simulations, np.random.default_rng([seed, 4]), test_users, rates, sds))
    )


def simulate_false_findings(simulations: int, seed: int, test_users: Sequence[int] = TEST_USERS) -> pa.Table:
    """Return how often a table of equally good methods has a significant difference, by test and population."""
    return pa.Table.from_pylist(list(_false_findings(simulations, np.random.default_rng([seed, 2]), test_users)))


def simulate_power(simulations: int, seed: int, test_users: Sequence[int] = TEST_USERS) -> pa.Table:
    """Return the power for one true difference, alone and in a table of equal methods, and the textbook power."""
    return pa.Table.from_pylist(list(_power(simulations, np.random.default_rng([seed, 3]), test_users)))


def mcnemar_power(users: int, first_only: float, second_only: float, level: float) -> float:
    """Return the exact power of McNemar's exact test (Schork and Williams, 1980, Biometrical Journal 22).

    Args:
        users: number of users, each with one answer by either method.
        first_only: probability that only the first method hits.
        second_only: probability that only the second one hits.
        level: significance level of the two-sided test.
    """
    discordant = np.arange(users + 1)
    critical = binom.ppf(level / 2.0, discordant, 0.5)
    critical -= binom.cdf(critical, discordant, 0.5) > level / 2.0
    share = first_only / (first_only + second_only)
    found = binom.cdf(critical, discordant, share) + binom.cdf(critical, discordant, 1.0 - share)
    return float((binom.pmf(discordant, users, first_only + second_only) * found).sum())


def _coverage(simulations: int, generator: np.random.Generator, test_users: Sequence[int]) -> Iterator[dict[str, Any]]:
    settings = IntervalSettings(confidence=1.0 - LEVEL)
    for users in test_users:
        for rate in RATES:
            once = simulate_hits(Population(users, 1, rate, 0.5), simulations, generator).mean(axis=-1)
            ends = wilson_interval(once, np.asarray(users), settings.confidence)
            yield _held(ends, rate, "HitRatio@1", Population(users, 1, rate, 0.0))
        for correlation in CORRELATIONS:
            for rate in (*RATES, *EXTREME_RATES):
                population = Population(users, DRAWS, rate, correlation)
                ends = interval_of_mean(_sums(simulate_hits(population, simulations, generator)), settings)
                yield _held(ends, rate, "HitRatio@1", population)
            population = Population(users, DRAWS, 0.45, correlation)
            yield _held(
                _over_valid(population, simulations, generator, settings), 0.45, "HitRatio@1 over valid", population
            )
            for gain in (0.0, 0.1):
                pair = simulate_pair(population, simulations, gain, AGREEMENT, generator)
                ends = difference_interval(_sums(pair[0]), _sums(pair[1]), settings)
                yield _held(ends, gain * (1.0 - population.rate), "difference", population)


def _coverage_over_trainings(
    simulations: int,
    generator: np.random.Generator,
    test_users: Sequence[int],
    rates: Mapping[float, float],
    sds: Sequence[float],
) -> Iterator[dict[str, Any]]:
    settings = IntervalSettings(confidence=1.0 - LEVEL)
    for users, (rate, correlation), sd, trainings in product(test_users, rates.items(), sds, TRAININGS):
        population = Population(users, DRAWS, rate, correlation)
        hits = simulate_trainings(population, trainings, sd, 2, TRAINING_AGREEMENT, simulations, generator)
        first, second = (UserSums(of_method, np.full((1, 1, users), float(DRAWS))) for of_method in hits)
        p_users = sign_flip_test((hits[0] - hits[1]).sum(axis=0).astype(np.int64))
        p = variation_of_difference(first, second).widen_p_value(p_users, first.value - second.value, users)
        mean, difference = interval_of_mean(first, settings), difference_interval(first, second, settings)
        yield {
            **vars(population),
            "sd": sd,
            "trainings": trainings,
            "mean": _coverage_of(mean, rate),
            "width": float((mean[1] - mean[0]).mean()),
            "mean, users": _coverage_of(interval_of_mean(_over_all_trainings(first), settings), rate),
            "difference": _coverage_of(difference, 0.0),
            "difference's width": float((difference[1] - difference[0]).mean()),
            "found": float((p <= LEVEL).mean()),
            "found, users": float((p_users <= LEVEL).mean()),
        }


def _over_all_trainings(sums: UserSums) -> UserSums:
    """Return the sums over all trainings, as those of a single run."""
    return UserSums(sums.numerator.sum(axis=0, keepdims=True), sums.denominator * len(sums.numerator))


def _coverage_of(ends: tuple[NDArray, NDArray], truth: float) -> float:
    low, high = ends
    return float(((low <= truth + 1e-12) & (truth <= high + 1e-12)).mean())


def _sums(hits: Values) -> UserSums:
    """Return the sums of one run with these hits out of `DRAWS`, float64 [simulations, users]."""
    return UserSums(hits[None], np.full((1, 1, hits.shape[-1]), float(DRAWS)))


def _over_valid(
    population: Population, simulations: int, generator: np.random.Generator, settings: IntervalSettings
) -> tuple[NDArray, NDArray]:
    """Return intervals of HitRatio@1 over valid, where a user's share of valid answers is 0.8 on average."""
    valid = generator.binomial(DRAWS, generator.beta(4.0, 1.0, size=(simulations, population.users)))
    concentration = 1.0 / population.correlation - 1.0
    skills = generator.beta(population.rate * concentration, (1.0 - population.rate) * concentration, size=valid.shape)
    hits = generator.binomial(valid, skills).astype(np.float64)
    return interval_of_mean(UserSums(hits[None], valid[None].astype(np.float64)), settings)


def _held(ends: tuple[NDArray, NDArray], truth: float, quantity: str, population: Population) -> dict[str, Any]:
    low, high = ends
    return {
        "quantity": quantity,
        **vars(population),
        "truth": truth,
        "coverage": float(((low <= truth) & (truth <= high)).mean()),
        "below": float((high < truth).mean()),
        "above": float((low > truth).mean()),
        "width": float((high - low).mean()),
    }


def _false_findings(
    simulations: int, generator: np.random.Generator, test_users: Sequence[int]
) -> Iterator[dict[str, Any]]:
    for users in test_users:
        for draws, correlation, of_reference in (
            (1, 0.5, 0.5),
            (DRAWS, 0.3, 0.3),
            (DRAWS, 0.6, 0.6),
            (DRAWS, 0.6, 0.1),
        ):
            population = Population(users, draws, 0.4, correlation)
            found = dict.fromkeys(("McNemar",) if draws == 1 else ("sign flips", "McNemar on all rows"), 0)
            for part in _parts(simulations):
                hits = simulate_methods(population, part, METHODS, AGREEMENT, generator)
                if of_reference != correlation:
                    hits[0] = simulate_hits(replace(population, correlation=of_reference), part, generator)
                p_values = (_by_user(hits), _by_row(hits, draws, generator))
                for test, p in zip(found, p_values, strict=False):
                    found[test] += int((holm(p.T) <= LEVEL).any(axis=-1).sum())
            for test, tables in found.items():
                yield {
                    "test": test,
                    **vars(population),
                    "reference's": of_reference,
                    "comparisons": METHODS - 1,
                    "false findings": tables / simulations,
                }


def _power(simulations: int, generator: np.random.Generator, test_users: Sequence[int]) -> Iterator[dict[str, Any]]:
    for users in test_users:
        for draws in (1, DRAWS):
            population, gain = Population(users, draws, 0.4, 0.5), GAINS[users, draws]
            alone, in_table, pairs = 0, 0, []
            for part in _parts(simulations):
                pair = simulate_pair(population, part, gain, AGREEMENT, generator)
                equals = simulate_methods(population, part, METHODS - 1, AGREEMENT, generator)
                p = _by_user(pair)
                alone += int((p <= LEVEL).sum())
                table = np.concatenate([p, _by_user(equals)])
                in_table += int((holm(table.T)[:, 0] <= LEVEL).sum())
                pairs.append(pair)
            yield {
                "test": "McNemar" if draws == 1 else "sign flips",
                **vars(population),
                "difference": gain * (1.0 - population.rate),
                "power": alone / simulations,
                "textbook": _textbook_power(pairs, draws, LEVEL),
                "in a table": in_table / simulations,
                "textbook, Bonferroni": _textbook_power(pairs, draws, LEVEL / (METHODS - 1)),
            }


def _parts(simulations: int) -> list[int]:
    """Return sizes of at most `_AT_ONCE` that add up to the number of simulations."""
    return [min(_AT_ONCE, simulations - done) for done in range(0, simulations, _AT_ONCE)]


def _by_user(hits: Values) -> Values:
    """Return the p-values of the first method against each other one, float64 [methods - 1, simulations]."""
    return sign_flip_test((hits[0] - hits[1:]).astype(np.int64))


def _by_row(hits: Values, draws: int, generator: np.random.Generator) -> Values:
    """Return the p-values of McNemar's exact test on all rows, which it treats as independent.

    Given a user's hits by two methods, the number of draws on which both hit is hypergeometric.
    """
    first, second = hits[0].astype(np.int64), hits[1:].astype(np.int64)
    both = generator.hypergeometric(np.broadcast_to(first, second.shape), draws - first, second)
    discordant, ahead = (first + second - 2 * both).sum(axis=-1), (first - both).sum(axis=-1)
    return np.minimum(2.0 * binom.cdf(np.minimum(ahead, discordant - ahead), discordant, 0.5), 1.0)


def _textbook_power(pairs: Sequence[Values], draws: int, level: float) -> float:
    """Return the textbook power, for the discordance or the standard deviation pooled over all simulated users."""
    first, second = np.concatenate(pairs, axis=1)
    users = first.shape[-1]
    if draws == 1:
        return mcnemar_power(users, float((first > second).mean()), float((first < second).mean()), level)
    differences = first - second
    return float(TTestPower().power(differences.mean() / differences.std(), users, level))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run all simulations and print their tables."""
    parser = argparse.ArgumentParser(
        prog="ilora simulate",
        description=__doc__,
        epilog=example("simulate"),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--simulations", type=int, default=2000, help="simulations of each setting (default: 2000)")
    parser.add_argument("--seed", type=int, default=0, help="random seed of the simulations (default: 0)")
    parser.add_argument("--output", type=Path, help="folder to write the tables to, as Parquet")
    options = parser.parse_args(arguments)
    for name, simulate in (
        ("coverage", simulate_coverage),
        ("coverage_over_trainings", simulate_coverage_over_trainings),
        ("false_findings", simulate_false_findings),
        ("power", simulate_power),
    ):
        table = simulate(options.simulations, options.seed)
        print(f"{name.replace('_', ' ')}, {options.simulations} simulations per row")
        print(tabulate(table.to_pylist(), headers="keys", floatfmt=".3f"), end="\n\n", flush=True)
        if options.output:
            write_table(table, options.output / f"{name}.parquet")


if __name__ == "__main__":
    main()
