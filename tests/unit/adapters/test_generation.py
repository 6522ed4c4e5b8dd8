"""Generation: everything generated from a row uses the row's gate."""

from typing import Any, cast

import pytest
import torch
from peft import PeftModel
from transformers import GenerationConfig

from tiny_models import (
    config,
    instance_wise,
    padded,
    random_sequences,
    relative_error,
    representations,
    tiny_model,
)

NEW = 6
LENGTHS = [5, 3, 7]


def prompts(side: str = "left") -> dict[str, torch.Tensor]:
    batch = padded(random_sequences(LENGTHS), side)
    del batch["position_ids"]  # extended by transformers, token by token
    return batch


def row_of(batch: dict[str, torch.Tensor], row: int) -> dict[str, torch.Tensor]:
    """Return one prompt without its padding."""
    kept = batch["attention_mask"][row].bool()
    return {name: tensor[row : row + 1, kept] for name, tensor in batch.items()}


@pytest.fixture(scope="module")
def model() -> PeftModel:
    return instance_wise(tiny_model(dtype=torch.float64), config(4)).double()


@pytest.fixture(scope="module")
def z() -> torch.Tensor:
    return representations(3, dtype=torch.float64)


def test_the_gate_decides_what_is_generated(model: PeftModel, z: torch.Tensor) -> None:
    first = model.generate(**prompts(), sequence_representations=z, max_new_tokens=NEW)
    second = model.generate(**prompts(), sequence_representations=-z, max_new_tokens=NEW)
    assert first.shape == second.shape == (3, 7 + NEW)
    assert (first != second).any(dim=1).all()


@pytest.mark.parametrize("options", [{}, {"num_beams": 3}])
def test_generation_with_a_cache_equals_generation_without(
    model: PeftModel, z: torch.Tensor, options: dict[str, Any]
) -> None:
    kept = {"return_dict_in_generate": True, "output_logits": True, "max_new_tokens": NEW, **options}
    with_cache, without = (
        model.generate(**prompts(), sequence_representations=z, use_cache=cached, **kept) for cached in (True, False)
    )
    assert torch.equal(with_cache.sequences, without.sequences)
    for cached, recomputed in zip(with_cache.logits, without.logits, strict=True):
        assert relative_error(cached, recomputed) < 1e-6


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"num_beams": 3},
        {"num_beams": 4, "num_return_sequences": 2},
        {"num_beams": 2, "num_return_sequences": 2, "use_cache": False},
        {"generation_config": GenerationConfig(num_beams=3, num_return_sequences=3, max_new_tokens=NEW)},
    ],
    ids=["greedy", "beams", "several sequences", "no cache", "generation config"],
)
def test_a_left_padded_batch_gives_each_prompt_what_it_gets_alone(
    model: PeftModel, z: torch.Tensor, options: dict[str, Any]
) -> None:
    length: dict[str, Any] = {} if "generation_config" in options else {"max_new_tokens": NEW}
    batch = prompts()
    together = model.generate(**batch, sequence_representations=z, **length, **options)[:, -NEW:]
    copies = len(together) // 3
    assert len(together) == 3 * copies
    for row in range(3):
        alone = model.generate(**row_of(batch, row), sequence_representations=z[row : row + 1], **length, **options)[
            :, -NEW:
        ]
        assert torch.equal(together[row * copies : (row + 1) * copies], alone)


def test_sampled_sequences_have_the_gate_of_their_prompt(model: PeftModel, z: torch.Tensor) -> None:
    """The sampling probabilities equal those of a forward pass over the output."""
    torch.manual_seed(0)
    batch = prompts()
    out = model.generate(
        **batch,
        sequence_representations=z,
        do_sample=True,
        num_return_sequences=3,
        max_new_tokens=NEW,
        return_dict_in_generate=True,
        output_logits=True,
    )
    assert out.sequences.shape == (9, 7 + NEW)
    assert len(out.sequences.unique(dim=0)) > 3
    for row in range(3):
        prompt = row_of(batch, row)["input_ids"][0]
        for copy in range(3 * row, 3 * row + 3):
            whole = torch.cat([prompt, out.sequences[copy, -NEW:]])[None]
            with torch.no_grad():
                logits = model(whole, sequence_representations=z[row : row + 1]).logits[0, -NEW - 1 : -1]
            sampled_from = torch.stack([step[copy] for step in out.logits])
            assert relative_error(sampled_from.double(), logits) < 1e-6


def test_what_the_models_own_generation_config_says_is_followed(z: torch.Tensor) -> None:
    model = instance_wise(tiny_model(dtype=torch.float64), config(4)).double()
    expected = model.generate(**prompts(), sequence_representations=z, max_new_tokens=NEW, num_beams=3)
    own: Any = model.get_base_model()
    own.generation_config.num_beams = 3
    assert torch.equal(model.generate(**prompts(), sequence_representations=z, max_new_tokens=NEW), expected)
    given = GenerationConfig(max_new_tokens=NEW)
    found = model.generate(**prompts(), sequence_representations=z, generation_config=given)
    assert torch.equal(found, expected)


def test_generation_from_embeddings(model: PeftModel, z: torch.Tensor) -> None:
    batch = prompts()
    expected = model.generate(**batch, sequence_representations=z, max_new_tokens=NEW)[:, -NEW:]
    embeddings = model.get_input_embeddings()(batch.pop("input_ids"))
    found = model.generate(inputs_embeds=embeddings, **batch, sequence_representations=z, max_new_tokens=NEW)
    assert torch.equal(found, expected)


@pytest.mark.parametrize("rows", [1, 2, 6])
@pytest.mark.parametrize("options", [{}, {"num_beams": 2}])
def test_representations_of_another_batch_are_refused(model: PeftModel, rows: int, options: dict[str, Any]) -> None:
    z = representations(rows, dtype=torch.float64)
    with pytest.raises(RuntimeError, match=r"expert weights of \d+ sequences for a batch of \d+ rows"):
        model.generate(**prompts(), sequence_representations=z, max_new_tokens=NEW, **options)
    with pytest.raises(RuntimeError, match="no expert weights are set"):
        cast(Any, model.get_base_model()).generate(**prompts(), max_new_tokens=NEW)


@pytest.mark.parametrize("gate_input", ["token_collapsed", "constant"])
def test_gates_that_read_no_representation(gate_input: str) -> None:
    model = instance_wise(tiny_model(dtype=torch.float64), config(4, gate_input=gate_input)).double()
    batch = prompts()
    together = model.generate(**batch, max_new_tokens=NEW, num_beams=2)[:, -NEW:]
    for row in range(3):
        alone = model.generate(**row_of(batch, row), max_new_tokens=NEW, num_beams=2)[:, -NEW:]
        assert torch.equal(together[row : row + 1], alone)
