"""The fused LoRA update, against the layers of PEFT and of the instance-wise adapter."""

import copy
from collections.abc import Callable

import pytest
import torch
from torch import nn

from ilora.llm.model.rank_update import add_product, add_updates_at_once
from tiny_models import config, instance_wise, lora, plain_lora, randomise, representations, tiny_model


def one_step(model: nn.Module, dtype: torch.dtype, autocast: bool = False) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """Return the logits of a batch, and the gradients of all tuned parameters."""
    torch.manual_seed(3)  # dropout's too
    tokens = torch.randint(0, 20, (3, 5))
    gates = {"sequence_representations": representations(3)} if hasattr(model, "gates") else {}
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
        logits = model(input_ids=tokens, **gates).logits.to(dtype)
        (logits * torch.linspace(-1, 1, logits.shape[-1], dtype=dtype)).sum().backward()
    return logits.detach(), [one.grad for one in model.parameters() if one.grad is not None]


def uniform(dtype: torch.dtype) -> nn.Module:
    return plain_lora(tiny_model(dtype=dtype), lora(lora_dropout=0.1))


def gated(dtype: torch.dtype) -> nn.Module:
    return instance_wise(tiny_model(dtype=dtype), config(experts=2), lora(lora_dropout=0.1))


@pytest.mark.parametrize("make", [uniform, gated])
def test_outputs_and_gradients_are_those_of_the_layers_themselves(make: Callable[[torch.dtype], nn.Module]) -> None:
    itself = make(torch.float64).double().train()
    randomise(itself)
    at_once = copy.deepcopy(itself)
    add_updates_at_once(at_once.modules())
    expected, found = one_step(itself, torch.float64), one_step(at_once, torch.float64)
    torch.testing.assert_close(found[0], expected[0], rtol=1e-12, atol=1e-12)
    assert len(found[1]) == len(expected[1]) > 0
    for one, other in zip(found[1], expected[1], strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("make", [uniform, gated])
@pytest.mark.parametrize("autocast", [False, True])
def test_frozen_weights_of_half_precision_and_autocast_compute_as_before(
    make: Callable[[torch.dtype], nn.Module], autocast: bool
) -> None:
    """PEFT then keeps LoRA's weights in float32, and B's gradient is summed in another order."""
    itself = make(torch.bfloat16).train()
    randomise(itself)
    at_once = copy.deepcopy(itself)
    add_updates_at_once(at_once.modules())
    expected = one_step(itself, torch.float32, autocast)
    found = one_step(at_once, torch.float32, autocast)
    torch.testing.assert_close(found[0], expected[0], rtol=1e-2, atol=1e-2)
    for one, other in zip(found[1], expected[1], strict=True):
        assert one.dtype == other.dtype
        torch.testing.assert_close(one, other, rtol=2e-2, atol=2e-2 * float(other.abs().max()))


def test_gradients_of_the_product_agree_with_finite_differences() -> None:
    torch.manual_seed(0)
    result, activation, up = (torch.randn(shape, dtype=torch.float64) for shape in ((2, 3, 5), (2, 3, 4), (5, 4)))
    given = tuple(tensor.requires_grad_() for tensor in (result, activation, up))
    assert torch.autograd.gradcheck(add_product, given)
