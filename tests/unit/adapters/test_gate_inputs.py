"""Alternatives to z as the gate input."""

from typing import Any

import numpy as np
import pytest
import torch

from ilora.adapters.gate_inputs import collapse_tokens, random_initialized, shuffled
from tiny_models import config, instance_wise, padded, random_sequences, tiny_model


def test_a_random_vector_depends_on_seed_and_row_alone() -> None:
    few, many = random_initialized(3, 5, seed=1), random_initialized(40, 5, seed=1)
    assert few.dtype == torch.float32
    assert torch.equal(few, many[:3])
    assert len({tuple(row.tolist()) for row in many}) == 40
    assert not torch.equal(few, random_initialized(3, 5, seed=2))


def test_random_vectors_are_standard_normal() -> None:
    vectors = random_initialized(4000, 8, seed=0)
    assert abs(float(vectors.mean())) < 0.02
    assert abs(float(vectors.std()) - 1) < 0.02


@pytest.mark.parametrize("seed", range(5))
def test_shuffling_gives_every_row_another_ones_within_its_group(seed: int) -> None:
    z = torch.arange(30.0)[:, None].expand(30, 2)
    groups = [np.arange(0, 12), np.arange(12, 14), np.arange(20, 30)]
    result = shuffled(z, groups, seed)
    for rows in groups:
        given = result[rows, 0].tolist()
        assert sorted(given) == rows.tolist()
        assert all(found != row for found, row in zip(given, rows, strict=True))
    assert torch.equal(result[14:20], z[14:20])
    assert torch.equal(shuffled(z, groups, seed), result)
    assert not torch.equal(shuffled(z, groups, seed + 1), result)


def test_collapsing_leaves_out_what_does_not_count() -> None:
    embeddings = torch.randn(2, 4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    counted = torch.tensor([[True, True, False, False], [False, True, True, True]])
    expected = torch.stack([embeddings[0, :2].mean(dim=0), embeddings[1, 1:].mean(dim=0)])
    torch.testing.assert_close(collapse_tokens(embeddings.requires_grad_(), counted), expected, rtol=1e-14, atol=1e-14)
    assert not collapse_tokens(embeddings, counted).requires_grad


def test_collapsing_counts_more_tokens_than_half_precision_can() -> None:
    """The next number after 256 that bfloat16 can represent is 258."""
    collapsed = collapse_tokens(torch.ones(1, 257, 2, dtype=torch.bfloat16), torch.ones(1, 257, dtype=torch.bool))
    assert torch.equal(collapsed, torch.ones(1, 2))


def test_a_row_without_prompt_tokens_is_named() -> None:
    with pytest.raises(ValueError, match=r"batch rows \[1\] have no prompt token"):
        collapse_tokens(torch.zeros(2, 1, 3), torch.tensor([[True], [False]]))


def observed_weights(model: Any, **inputs: Any) -> torch.Tensor:
    """Return the expert weights that a forward pass used."""
    seen: list[torch.Tensor] = []
    hook = model.gate.register_forward_hook(lambda _module, _inputs, omega: seen.append(omega))
    model(**inputs)
    hook.remove()
    (omega,) = seen
    return omega


def test_collapsed_tokens_give_the_same_gate_with_and_without_answer_and_padding() -> None:
    model = instance_wise(tiny_model(dtype=torch.float64), config(gate_input="token_collapsed")).double()
    prompts, answers = random_sequences([5, 3, 7]), random_sequences([2, 4, 1], seed=1)
    alone = torch.cat([observed_weights(model, **padded([prompt], "right")) for prompt in prompts])
    assert len(alone.unique(dim=0)) == 3
    for side in ("left", "right"):
        torch.testing.assert_close(observed_weights(model, **padded(prompts, side)), alone, rtol=1e-12, atol=0)
        whole = [torch.cat(pair) for pair in zip(prompts, answers, strict=True)]
        labels = [torch.cat([torch.full_like(p, -100), a]) for p, a in zip(prompts, answers, strict=True)]
        batch = padded(whole, side) | {"labels": padded(labels, side)["input_ids"]}
        batch["labels"][batch["attention_mask"] == 0] = -100
        torch.testing.assert_close(observed_weights(model, **batch), alone, rtol=1e-12, atol=0)


def test_collapsed_tokens_are_read_from_given_embeddings_too() -> None:
    model = instance_wise(tiny_model(dtype=torch.float64), config(gate_input="token_collapsed")).double()
    batch = padded(random_sequences([5, 3]), "left")
    by_ids = observed_weights(model, **batch)
    embeddings = model.get_input_embeddings()(batch["input_ids"])
    by_embeddings = observed_weights(model, inputs_embeds=embeddings, attention_mask=batch["attention_mask"])
    assert torch.equal(by_ids, by_embeddings)


def test_collapsed_tokens_need_to_know_the_padding() -> None:
    model = instance_wise(tiny_model(), config(gate_input="token_collapsed"))
    with pytest.raises(ValueError, match="attention_mask: found None, expected one"):
        model(input_ids=torch.ones(2, 3, dtype=torch.long))
    with pytest.raises(ValueError, match="neither input_ids nor inputs_embeds"):
        model(attention_mask=torch.ones(2, 3, dtype=torch.long))


@pytest.mark.parametrize("gate_input", ["token_collapsed", "constant"])
def test_representations_are_refused_where_nothing_reads_them(gate_input: str) -> None:
    model = instance_wise(tiny_model(), config(gate_input=gate_input))
    with pytest.raises(ValueError, match=f"expected None, since the gate's input is {gate_input}"):
        model(**padded(random_sequences([3]), "left"), sequence_representations=torch.zeros(1, 6))


def test_a_constant_gate_gives_one_choice_of_weights_for_all_rows() -> None:
    model = instance_wise(tiny_model(), config(gate_input="constant"))
    omega = observed_weights(model, **padded(random_sequences([3, 5]), "left"))
    assert omega.shape == (1, 4)
    assert len(omega[0].unique()) > 1
