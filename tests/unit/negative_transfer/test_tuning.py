import dataclasses
import logging

import numpy as np
import pytest
import torch
from transformers import LlamaForCausalLM

from ilora.adapters.labels import IGNORED_LABEL
from ilora.negative_transfer.backbone import RingBackboneSettings, pretrain_ring_backbone
from ilora.negative_transfer.gradients import GradientSettings, GradientSimilarity, group_similarity
from ilora.negative_transfer.groups import GroupInPrompt, SyntheticGroups, draw_sequences
from ilora.negative_transfer.methods import METHODS, AdapterShape
from ilora.negative_transfer.outcomes import measure_outcomes
from ilora.negative_transfer.schemas import OUTCOMES, SIMILARITIES
from ilora.negative_transfer.tuning import (
    SyntheticTuning,
    Task,
    TrainingBatches,
    fresh_model,
    inputs_of,
    of_group,
    tuned_hits,
)
from ilora.negative_transfer.vocabulary import Vocabulary

LOGGER = logging.getLogger("test")
ITEMS, GROUPS, HISTORY = 12, 2, 3
SHAPE = RingBackboneSettings(
    Vocabulary(ITEMS, GROUPS), HISTORY, seed=0, steps=150, hidden_size=32, layers=2, heads=2, learning_rate=1e-2
)
SETTINGS = SyntheticTuning(
    AdapterShape(rank=4, alpha=16.0, experts=GROUPS),
    history=HISTORY,
    steps=(5, 40),
    batch_size=32,
    learning_rate=1e-2,
    test_sequences=200,
    seed=1,
)


@pytest.fixture(scope="module")
def backbone() -> LlamaForCausalLM:
    """A Llama that can continue walks around the ring."""
    model, log = pretrain_ring_backbone(SHAPE)
    losses = [row.loss for row in log if row.loss is not None]
    assert losses[-1] < losses[0] / 2
    return model.requires_grad_(False).eval()


def task(degree: float, group_in_prompt: GroupInPrompt = "hidden") -> Task:
    return Task(SyntheticGroups(ITEMS, GROUPS, degree, seed=1), group_in_prompt)


def last_hit_ratio(backbone: LlamaForCausalLM, degree: float, method: str) -> float:
    hits = tuned_hits(backbone, task(degree), METHODS[method], SETTINGS)
    assert list(hits) == list(SETTINGS.steps)
    return float(hits[SETTINGS.steps[-1]].mean())


@pytest.mark.parametrize("group_in_prompt", ["hidden", "named"])
def test_a_prompt_names_the_group_or_nobody(group_in_prompt: GroupInPrompt) -> None:
    users = SyntheticGroups(ITEMS, GROUPS, 1.0, seed=1)
    sequences = draw_sequences(users, 6, HISTORY, np.random.default_rng(0))
    batch = inputs_of(sequences, Task(users, group_in_prompt), METHODS["uniform"], np.random.default_rng(0))
    names = ITEMS + sequences.groups if group_in_prompt == "named" else np.full(6, ITEMS + GROUPS)
    assert batch["input_ids"][:, 0].tolist() == names.tolist()
    assert batch["input_ids"][:, 1:-1].tolist() == sequences.histories.tolist()
    assert batch["labels"][:, -1].tolist() == sequences.targets.tolist()
    assert (batch["labels"][:, :-1] == IGNORED_LABEL).all()
    assert int(batch["input_ids"].max()) < Vocabulary(ITEMS, GROUPS).size


def test_every_method_trains_on_the_same_sequences() -> None:
    one, another = (TrainingBatches(task(0.5), METHODS[name], SETTINGS, None)[7] for name in ("uniform", "oracle_gate"))
    assert torch.equal(one["input_ids"], another["input_ids"])
    of_one_group = TrainingBatches(task(0.5), METHODS["one_per_group"], SETTINGS, 1)[7]
    assert torch.equal(of_one_group["input_ids"], one["input_ids"][1::GROUPS])


def test_what_a_gate_reads() -> None:
    sequences = draw_sequences(task(0.5).users, 40, HISTORY, np.random.default_rng(0))
    read = {
        name: method.gate_inputs(sequences, np.random.default_rng(0))
        for name, method in METHODS.items()
        if method.gate_inputs is not None
    }
    assert (read["instance_wise"] == sequences.representations).all()
    assert (read["oracle_gate"].argmax(axis=1) == sequences.groups).all()
    moved = (read["shuffled_gate"] != sequences.representations).any(axis=1)
    assert moved.mean() > 0.8
    assert sorted(read["shuffled_gate"].sum(axis=1)) == sorted(sequences.representations.sum(axis=1))


@pytest.mark.slow
def test_an_oracles_gate_gives_each_group_an_expert_and_stays_so(backbone: LlamaForCausalLM) -> None:
    model = fresh_model(backbone, task(1.0), METHODS["oracle_gate"], SETTINGS)
    assert model.instance_wise is not None
    omega = model.instance_wise.gate(torch.eye(GROUPS))
    assert torch.allclose(omega, torch.eye(GROUPS), atol=1e-4)
    assert not any(parameter.requires_grad for parameter in model.instance_wise.gate.parameters())


@pytest.mark.slow
def test_contradiction_hurts_uniform_lora_and_neither_a_gate_nor_a_lora_for_each_group(
    backbone: LlamaForCausalLM,
) -> None:
    assert last_hit_ratio(backbone, 0.0, "uniform") > 0.95
    # Nothing distinguishes the groups, which have opposite rules, so at most half of the answers can be right.
    assert last_hit_ratio(backbone, 1.0, "uniform") < 0.6
    assert last_hit_ratio(backbone, 1.0, "shuffled_gate") < 0.6
    for method in ("instance_wise", "oracle_gate", "one_per_group"):
        assert last_hit_ratio(backbone, 1.0, method) > 0.9


@pytest.mark.slow
def test_tuning_is_a_function_of_its_seed_and_leaves_the_backbone_as_it_is(backbone: LlamaForCausalLM) -> None:
    before = {name: tensor.clone() for name, tensor in backbone.state_dict().items()}
    shorter = dataclasses.replace(SETTINGS, steps=(15,))
    one, same, other = (
        tuned_hits(backbone, task(0.5), METHODS["instance_wise"], dataclasses.replace(shorter, seed=seed))[15]
        for seed in (1, 1, 2)
    )
    assert (one == same).all() and not (one == other).all()
    assert all(torch.equal(tensor, before[name]) for name, tensor in backbone.state_dict().items())


@pytest.mark.slow
def test_gradients_of_contradicting_groups_are_less_alike(backbone: LlamaForCausalLM) -> None:
    gradients = GradientSettings(step=20, blocks=4, sequences_per_block=32)

    def mean_over_trainings(degree: float) -> GradientSimilarity:
        # The cosines of a single training vary at random, also between processors.
        found = [
            group_similarity(
                backbone,
                Task(SyntheticGroups(ITEMS, GROUPS, degree, seed=seed), "hidden"),
                dataclasses.replace(SETTINGS, seed=seed),
                gradients,
                LOGGER,
            )
            for seed in (1, 2, 3)
        ]
        return GradientSimilarity(
            float(np.mean([one.similarity for one in found])), float(np.mean([one.noise_ceiling for one in found]))
        )

    agreeing, contradicting = mean_over_trainings(0.0), mean_over_trainings(1.0)
    assert agreeing.similarity > contradicting.similarity + 0.3
    assert agreeing.similarity > agreeing.noise_ceiling - 0.15  # one rule: groups are as similar as samples of one
    assert contradicting.noise_ceiling > 0.3


@pytest.mark.slow
def test_outcomes_have_a_row_for_each_task_method_and_step(backbone: LlamaForCausalLM) -> None:
    settings = dataclasses.replace(SETTINGS, steps=(1, 2), test_sequences=10)
    gradients = GradientSettings(step=1, blocks=2, sequences_per_block=4)
    users = SyntheticGroups(ITEMS, GROUPS, 0.5, seed=1)
    outcomes, similarities = measure_outcomes(backbone, users, settings, gradients, LOGGER)
    assert outcomes.schema.equals(OUTCOMES) and similarities.schema.equals(SIMILARITIES)
    keys = {(row["group_in_prompt"], row["method"], row["step"]) for row in outcomes.to_pylist()}
    assert keys == {(prompt, name, step) for prompt in ("hidden", "named") for name in METHODS for step in (1, 2)}
    assert outcomes.num_rows == len(keys) and similarities.num_rows == 2


def test_sequences_of_one_group() -> None:
    sequences = draw_sequences(task(0.5).users, 10, HISTORY, np.random.default_rng(0))
    kept = of_group(sequences, 1)
    assert kept.groups.tolist() == [1] * 5
    assert (kept.histories == sequences.histories[1::2]).all()
    assert of_group(sequences, None) is sequences
