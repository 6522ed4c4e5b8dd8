import dataclasses
import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from transformers import LlamaForCausalLM

from ilora.configuration.sections.recommender_values import SASRecSection
from ilora.feedback.adapters import AdapterPolicy
from ilora.feedback.measures import gini, measurements
from ilora.feedback.outcomes import measure_policies
from ilora.feedback.policies import Oracle, Policy, Popularity
from ilora.feedback.retraining import RetrainingSettings
from ilora.feedback.sasrec import SASRecPolicy
from ilora.feedback.schemas import OUTCOMES
from ilora.feedback.simulation import Display, simulate
from ilora.feedback.users import Relevance, SimulatedUsers
from ilora.negative_transfer.backbone import RingBackboneSettings, pretrain_ring_backbone
from ilora.negative_transfer.groups import Sequences, SyntheticGroups
from ilora.negative_transfer.methods import METHODS, AdapterShape
from ilora.negative_transfer.tuning import Task
from ilora.negative_transfer.vocabulary import Vocabulary

LOGGER = logging.getLogger("test")
ITEMS, GROUPS, HISTORY = 12, 2, 3
DISPLAY = Display(examination=(0.9, 0.5, 0.3), exploration=0.1)
USERS = SimulatedUsers(
    rules=SyntheticGroups(ITEMS, GROUPS, 0.5, seed=1),
    group_sizes=(60, 20),
    history=HISTORY,
    relevance=Relevance(0.8, 0.05),
    drift=0.2,
    seed=1,
)
SETTINGS = RetrainingSettings("warm_start", steps=3, batch_size=8, learning_rate=1e-2, seed=1)


@pytest.fixture(scope="module")
def backbone() -> LlamaForCausalLM:
    """A small untrained Llama."""
    shape = RingBackboneSettings(Vocabulary(ITEMS, GROUPS), HISTORY, seed=0, steps=1, hidden_size=16, layers=1)
    return pretrain_ring_backbone(shape)[0].requires_grad_(False).eval()


def sasrec(settings: RetrainingSettings = SETTINGS) -> SASRecPolicy:
    return SASRecPolicy(Vocabulary(ITEMS, GROUPS), "named", SASRecSection(layers=1), 16, settings)


def adapter(backbone: LlamaForCausalLM, method: str, settings: RetrainingSettings = SETTINGS) -> AdapterPolicy:
    task, shape = Task(USERS.rules, "named"), AdapterShape(rank=2, alpha=8.0, experts=GROUPS)
    return AdapterPolicy(backbone, task, METHODS[method], shape, settings)


@pytest.fixture(params=["popularity", "sasrec", "uniform", "instance_wise"])
def fresh(request: pytest.FixtureRequest) -> Callable[[], Policy]:
    """A factory of untrained policies, for each trainable policy in turn."""
    name = request.param
    if name in ("uniform", "instance_wise"):
        backbone = request.getfixturevalue("backbone")
        return lambda: adapter(backbone, name)
    return sasrec if name == "sasrec" else lambda: Popularity(ITEMS)


class Watched:
    """A policy that scores at random and records the logs that it was retrained on."""

    def __init__(self) -> None:
        self.logs: list[Sequences] = []

    def scores(self, visits: Sequences) -> NDArray[np.float64]:
        return np.random.default_rng(len(self.logs)).random((len(visits.groups), ITEMS))

    def retrain(self, log: Sequences, number: int) -> None:
        assert number == len(self.logs)
        self.logs.append(log)


class Changing(SimulatedUsers):
    """Users who change completely from round 2 on."""

    def visits(self, number: int) -> Sequences:
        return dataclasses.replace(USERS, seed=9).visits(number) if number >= 2 else super().visits(number)


def test_the_oracle_has_no_regret_and_others_have() -> None:
    outcomes = measure_policies(USERS, {"oracle": Oracle(USERS), "popularity": Popularity(ITEMS)}, DISPLAY, 2, LOGGER)
    assert outcomes.schema.equals(OUTCOMES)
    rows = outcomes.to_pylist()
    assert len(rows) == 2 * 3 * (1 + GROUPS)
    for row in rows:
        if row["method"] == "oracle":
            assert (row["regret"], row["hit_ratio@1"]) == (0.0, 1.0)
        else:
            assert row["regret"] > 0.1
        assert (row["gini"] is None) == (row["group"] is not None)


def test_groups_make_up_all_users() -> None:
    (played,) = simulate(USERS, Popularity(ITEMS), DISPLAY, 0)
    everybody, *groups = measurements(played, USERS, DISPLAY.examination)
    assert [row["visits"] for row in (everybody, *groups)] == [80, 60, 20]
    for name in ("hit_ratio@1", "hit_ratio", "relevance", "click_rate", "regret"):
        assert everybody[name] == pytest.approx(0.75 * groups[0][name] + 0.25 * groups[1][name])
    assert everybody["click_rate"] == played.clicks.mean()


def test_gini_of_exposures() -> None:
    assert gini(np.full(7, 3)) == 0.0
    assert gini(np.array([0, 0, 5, 0])) == pytest.approx(3 / 4)
    assert gini(np.array([1, 3])) == pytest.approx(1 / 4)  # mean absolute difference over twice the mean


def test_a_retraining_sees_the_clicks_of_the_rounds_before_it_and_no_others() -> None:
    policy = Watched()
    rounds = list(simulate(USERS, policy, DISPLAY, 3))
    assert len(policy.logs) == 3  # none after the last round
    for number, log in enumerate(policy.logs):
        clicked = [played.log for played in rounds[: number + 1]]
        assert log.targets.tolist() == [item for part in clicked for item in part.targets.tolist()]
        assert len(log.targets) == sum(played.clicks.sum() for played in rounds[: number + 1])


def test_later_rounds_change_nothing_before_them(fresh: Callable[[], Policy]) -> None:
    changing = Changing(**{field.name: getattr(USERS, field.name) for field in dataclasses.fields(USERS)})
    longer, shorter = list(simulate(changing, fresh(), DISPLAY, 2)), list(simulate(USERS, fresh(), DISPLAY, 1))
    for one, other in zip(longer, shorter, strict=False):
        assert (one.slates == other.slates).all() and (one.clicks == other.clicks).all()


def test_a_simulation_is_a_function_of_its_seed(fresh: Callable[[], Policy]) -> None:
    def played(users: SimulatedUsers) -> list[dict[str, Any]]:
        return measure_policies(users, {"method": fresh()}, DISPLAY, 1, LOGGER).drop(["seed"]).to_pylist()

    once = played(USERS)
    assert played(USERS) == once
    assert played(dataclasses.replace(USERS, seed=2)) != once


def test_round_0_is_the_same_for_all_that_learn(fresh: Callable[[], Policy]) -> None:
    (of_one,), (of_counts,) = (list(simulate(USERS, policy, DISPLAY, 0)) for policy in (fresh(), Popularity(ITEMS)))
    assert (of_one.slates == of_counts.slates).all() and (of_one.clicks == of_counts.clicks).all()


def test_no_policy_that_learns_reads_what_users_like(fresh: Callable[[], Policy]) -> None:
    policy = fresh()
    first, second = simulate(USERS, policy, DISPLAY, 1)
    hidden = dataclasses.replace(second.visits, targets=np.zeros_like(second.visits.targets))
    scores = policy.scores(hidden)
    assert (scores == policy.scores(second.visits)).all()
    assert scores.shape == (80, ITEMS) and np.ptp(scores) > 0


@pytest.mark.parametrize("name", ["sasrec", "uniform", "instance_wise"])
def test_a_retraining_goes_on_or_begins_anew(name: str, backbone: LlamaForCausalLM) -> None:
    log = next(simulate(USERS, Popularity(ITEMS), DISPLAY, 0)).log

    def scores(start: Any, before: int) -> NDArray[np.float64]:
        settings = dataclasses.replace(SETTINGS, start=start)
        policy: Policy = sasrec(settings) if name == "sasrec" else adapter(backbone, name, settings)
        for _ in range(before):
            policy.retrain(log, 0)
        policy.retrain(log, 1)
        return policy.scores(USERS.visits(1))

    assert (scores("anew", 0) == scores("anew", 1)).all()
    assert not (scores("warm_start", 0) == scores("warm_start", 1)).all()


def test_popularity_shows_what_was_clicked_on_most() -> None:
    policy = Popularity(ITEMS)
    log = next(simulate(USERS, policy, DISPLAY, 0)).log
    policy.retrain(log, 0)
    scores = policy.scores(USERS.visits(1))
    assert (scores == scores[0]).all() and scores[0].tolist() == np.bincount(log.targets, minlength=ITEMS).tolist()


def test_nothing_can_be_learnt_where_nobody_clicked() -> None:
    users = dataclasses.replace(USERS, group_sizes=(1, 0), relevance=Relevance(1e-9, 0.0))
    with pytest.raises(ValueError, match="found no clicks in round 0.*Use more users"):
        list(simulate(users, Popularity(ITEMS), DISPLAY, 1))
