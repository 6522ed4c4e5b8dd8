"""Gradient checkpointing: recomputed layers use the gates of their own forward pass."""

import copy
from typing import Any

import pytest
import torch
from peft import PeftModel

from tiny_models import config, instance_wise, lora, padded, random_sequences, representations, tiny_model

pytestmark = pytest.mark.filterwarnings("ignore:.*gradient_checkpointing:FutureWarning")


def model_in_training(checkpointing: bool = False, **options: Any) -> PeftModel:
    model = instance_wise(tiny_model(), config(4), lora(lora_dropout=0.1)).train()
    if checkpointing:
        model.gradient_checkpointing_enable(**options)
    return model


def loss(model: PeftModel, seed: int, rows: int = 3) -> torch.Tensor:
    batch = padded(random_sequences([5] * rows, seed), "left")
    torch.manual_seed(seed)  # of dropout
    return model(**batch, labels=batch["input_ids"], sequence_representations=representations(rows, seed)).loss


def gradients(model: PeftModel) -> dict[str, torch.Tensor]:
    """Remove and return the gradients of A, B and the gate."""
    taken = {name: parameter.grad for name, parameter in model.named_parameters() if parameter.requires_grad}
    model.zero_grad()
    return taken  # type: ignore[return-value]  # each has one, which the comparison needs


def assert_same(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    assert found.keys() == expected.keys()
    assert len(expected) == 29
    for name, gradient in expected.items():
        assert torch.equal(found[name], gradient)
        assert gradient.abs().sum() > 0


@pytest.mark.parametrize(
    "options", [{}, {"gradient_checkpointing_kwargs": {"use_reentrant": False, "preserve_rng_state": True}}]
)
def test_gradients_are_those_without_it_bit_for_bit(options: dict[str, Any]) -> None:
    plain, checkpointed = model_in_training(), model_in_training(True, **options)
    loss(plain, 0).backward()
    loss(checkpointed, 0).backward()
    assert_same(gradients(checkpointed), gradients(plain))


def test_layers_do_run_again_until_it_is_switched_off() -> None:
    model, runs = model_in_training(True), []
    inner: Any = model.get_base_model()
    inner.model.layers[0].self_attn.register_forward_hook(lambda *_: runs.append(1))
    loss(model, 0).backward()
    assert len(runs) == 2
    model.gradient_checkpointing_disable()
    loss(model, 0).backward()
    assert len(runs) == 3


def test_forward_passes_in_between_do_not_mix_their_gates() -> None:
    plain, checkpointed = model_in_training(), model_in_training(True)
    expected = []
    for seed, rows in ((0, 3), (1, 3), (2, 2)):
        loss(plain, seed, rows).backward()
        expected.append(gradients(plain))
    first, second, third = (loss(checkpointed, seed, rows) for seed, rows in ((0, 3), (1, 3), (2, 2)))
    for number, value in ((1, second), (0, first), (2, third)):
        value.backward()
        assert_same(gradients(checkpointed), expected[number])


def test_backward_inside_another_batchs_gate_sees_its_own() -> None:
    plain, checkpointed = model_in_training(), model_in_training(True)
    loss(plain, 0).backward()
    value = loss(checkpointed, 0)
    with checkpointed.gated(representations(3, seed=9)):
        value.backward()
    found = gradients(checkpointed)
    assert_same(found, gradients(plain))


def test_the_gates_are_gone_after_backward() -> None:
    model = model_in_training(True)
    loss(model, 0).backward()
    with pytest.raises(RuntimeError, match="no expert weights are set"):
        model.get_base_model()(**padded(random_sequences([5]), "left"))


def test_a_copy_needs_it_switched_on_anew() -> None:
    plain, duplicate = model_in_training(), copy.deepcopy(model_in_training(True))
    value = loss(duplicate, 0)
    with pytest.raises(RuntimeError, match="Enable gradient checkpointing with"):
        value.backward()
    duplicate.zero_grad()
    duplicate.gradient_checkpointing_enable()
    loss(duplicate, 0).backward()
    loss(plain, 0).backward()
    assert_same(gradients(duplicate), gradients(plain))


def test_the_reentrant_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="found use_reentrant=True, expected False"):
        model_in_training(True, gradient_checkpointing_kwargs={"use_reentrant": True})


@pytest.mark.parametrize("reentrant", [False, True])
@pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad")
def test_switched_on_inside_it_is_an_error_and_no_wrong_gradient(reentrant: bool) -> None:
    model = model_in_training()
    inner: Any = model.get_base_model()
    inner.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": reentrant})
    value = loss(model, 0)
    with pytest.raises(
        RuntimeError, match=r"Enable gradient checkpointing with gradient_checkpointing_enable\(\) of the instance-wise"
    ):
        value.backward()
