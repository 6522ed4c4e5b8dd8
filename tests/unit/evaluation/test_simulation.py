"""A reduced run of the simulation; `ilora simulate` prints the full results."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from scipy.stats import binomtest

from ilora.evaluation import simulation
from ilora.evaluation.simulated_answers import (
    Population,
    simulate_hits,
    simulate_methods,
    simulate_pair,
    simulate_trainings,
)
from ilora.evaluation.simulation import (
    EXTREME_RATES,
    LEVEL,
    mcnemar_power,
    simulate_coverage,
    simulate_coverage_over_trainings,
    simulate_false_findings,
    simulate_power,
)

SIMULATIONS = 400
USERS = (95,)


@pytest.fixture(scope="module")
def coverage() -> pd.DataFrame:
    return simulate_coverage(SIMULATIONS, 0, USERS).to_pandas()


def test_intervals_hold_the_truth_as_often_as_they_say(coverage: pd.DataFrame) -> None:
    ordinary = coverage[~coverage["rate"].isin(EXTREME_RATES)]
    # 400 simulations have a standard error of 0.011; the mean over rows has a much smaller one.
    assert ordinary["coverage"].between(0.92, 0.98).all()
    assert 0.94 <= ordinary["coverage"].mean() <= 0.96
    assert set(ordinary["quantity"]) == {"HitRatio@1", "HitRatio@1 over valid", "difference"}


def test_intervals_hold_the_truth_over_users_and_trainings() -> None:
    table = simulate_coverage_over_trainings(100, 0, USERS, rates={0.45: 0.6}, sds=(0.0, 0.04)).to_pandas()
    several = table[table["trainings"] > 1]
    # 100 simulations have a standard error of 0.02; the mean over rows has a smaller one.
    assert several["mean"].min() >= 0.89 and several["mean"].mean() >= 0.95
    assert several["difference"].min() >= 0.89 and several["difference"].mean() >= 0.95
    assert several["found"].mean() <= LEVEL + 0.01
    # Without the variation over trainings, intervals undercover and tests report false differences.
    apart = table[table["sd"] > 0.0]
    assert apart["mean, users"].max() < 0.93 and apart["found, users"].min() > 2 * LEVEL


def test_simulated_trainings_have_the_rate_and_the_spread_asked_for() -> None:
    population = Population(users=2000, draws=10, rate=0.3, correlation=0.4)
    hits = simulate_trainings(population, 50, 0.04, 1, 0.7, 10, np.random.default_rng(0))[0]
    rates = hits.mean(axis=-1) / 10
    assert rates.mean() == pytest.approx(0.3, abs=0.01)
    assert rates.std(axis=0, ddof=1).mean() == pytest.approx(0.04, rel=0.1)


def test_where_few_users_stand_out_intervals_are_wide_enough(coverage: pd.DataFrame) -> None:
    extreme = coverage[coverage["rate"].isin(EXTREME_RATES)]
    assert extreme["coverage"].min() >= 0.93


def test_tables_of_equal_methods_rarely_show_a_difference() -> None:
    found = simulate_false_findings(SIMULATIONS, 0, USERS).to_pandas().groupby("test")["false findings"]
    assert found.max()["McNemar"] <= LEVEL + 0.02
    assert found.max()["sign flips"] <= LEVEL + 0.02
    # Rows of a user are not independent evidence, which the test over users accounts for.
    assert found.min()["McNemar on all rows"] > 0.3


def test_true_differences_are_found_as_often_as_the_textbook_says() -> None:
    power = simulate_power(SIMULATIONS, 0, USERS).to_pandas()
    assert power["test"].tolist() == ["McNemar", "sign flips"]
    np.testing.assert_allclose(power["power"], power["textbook"], atol=0.05)
    np.testing.assert_allclose(power["in a table"], power["textbook, Bonferroni"], atol=0.07)


def test_the_power_of_mcnemar_by_enumeration() -> None:
    first_only, second_only = 0.3, 0.1
    total = 0.0
    for ahead in range(21):
        for behind in range(21 - ahead):
            rejected = ahead + behind > 0 and binomtest(ahead, ahead + behind).pvalue <= LEVEL
            if rejected:
                rest = 20 - ahead - behind
                ways = np.prod(np.arange(1, 21, dtype=float))
                ways /= np.prod([np.prod(np.arange(1, k + 1, dtype=float)) for k in (ahead, behind, rest)])
                total += ways * first_only**ahead * second_only**behind * (1 - first_only - second_only) ** rest
    assert mcnemar_power(20, first_only, second_only, LEVEL) == pytest.approx(total)


def test_simulated_answers_have_the_rate_and_the_correlation_asked_for() -> None:
    population = Population(users=1000, draws=10, rate=0.3, correlation=0.4)
    shares = simulate_hits(population, 200, np.random.default_rng(0)) / 10
    assert shares.mean() == pytest.approx(0.3, abs=0.005)
    assert shares.var() == pytest.approx(0.3 * 0.7 * (0.4 + 0.6 / 10), rel=0.02)


def test_simulated_methods_agree_on_users() -> None:
    population = Population(users=1000, draws=10, rate=0.3, correlation=0.4)
    hits = simulate_methods(population, 50, 3, 0.5, np.random.default_rng(0))
    agreeing = np.asarray(np.corrcoef(hits.reshape(3, -1)))[0, 1:]
    # Two methods have the same skill with probability 0.25.
    assert agreeing == pytest.approx(0.25 * 0.4 / (0.4 + 0.6 / 10), abs=0.02)
    better, other = simulate_pair(population, 50, 0.2, 0.5, np.random.default_rng(0)).mean(axis=(1, 2)) / 10
    assert (better, other) == pytest.approx((0.3 + 0.2 * 0.7, 0.3), abs=0.01)


def test_the_command_prints_and_writes_its_tables(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = simulation.simulate_coverage_over_trainings
    monkeypatch.setattr(
        simulation,
        "simulate_coverage_over_trainings",
        lambda count, seed: trained(count, seed, (10,), {0.45: 0.6}, (0.0, 0.02)),
    )
    for name in ("simulate_coverage", "simulate_false_findings", "simulate_power"):
        full = getattr(simulation, name)
        monkeypatch.setattr(simulation, name, lambda count, seed, full=full: full(count, seed, (10,)))
    monkeypatch.setattr(simulation, "GAINS", {(10, 1): 0.5, (10, 10): 0.5})
    simulation.main(["--simulations", "5", "--output", str(tmp_path)])
    printed = capsys.readouterr().out
    assert "false findings, 5 simulations" in printed and "coverage over trainings, 5 simulations" in printed
    assert pq.read_table(tmp_path / "power.parquet")["power"].to_pylist()
