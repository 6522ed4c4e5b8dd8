"""The last layer computed only at labelled positions, against the full layer."""

from typing import Literal

import pytest
import torch
from torch import nn
from transformers import LlamaForCausalLM

from hybrid_models import ITEMS, hybrid_model
from ilora.adapters.labels import IGNORED_LABEL
from ilora.llm.model import hybrid_model as module
from ilora.llm.model.hybrid_model import HybridLanguageModel
from ilora.llm.prompts.builder import NO_ITEM
from tiny_models import WIDTH, randomise

TOKENS, VOCABULARY = 12, 20


def batch(gated: bool) -> dict[str, torch.Tensor]:
    """Return three rows of different lengths, with one to three labelled tokens and one without any."""
    draw = torch.Generator().manual_seed(5)
    labels = torch.full((4, TOKENS), IGNORED_LABEL)
    for row, (begin, end) in enumerate([(9, 12), (4, 5), (6, 8), (0, 0)]):
        labels[row, begin:end] = torch.randint(0, VOCABULARY, (end - begin,), generator=draw)
    behaviour = torch.full((4, TOKENS), NO_ITEM)
    behaviour[:, 2] = torch.arange(4) % ITEMS
    given = {
        "input_ids": torch.randint(0, VOCABULARY, (4, TOKENS), generator=draw),
        "behaviour": behaviour,
        "labels": labels,
    }
    if gated:
        given["gate_inputs"] = torch.randn(4, WIDTH, generator=draw, dtype=torch.float64)
    return given


def tuned(adapter: Literal["uniform", "instance_wise"], attention: str = "sdpa") -> HybridLanguageModel:
    """Return a float64 model with a trained adapter and projector; two heads share keys and values."""
    hybrid = hybrid_model(adapter, VOCABULARY, attn_implementation=attention)
    randomise(hybrid.language_model)
    for name, parameter in hybrid.named_parameters():
        parameter.requires_grad_(any(part in name for part in ("lora_", "gates", "projector")))
    return hybrid.train()


def loss_and_gradients(hybrid: HybridLanguageModel) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    hybrid.zero_grad()
    loss = hybrid(**batch(hybrid.instance_wise is not None))["loss"]
    loss.backward()
    trained = {name: one for name, one in hybrid.named_parameters() if one.requires_grad}
    return loss.detach(), {name: one.grad.clone() for name, one in trained.items() if one.grad is not None}


@pytest.mark.parametrize("adapter", ["uniform", "instance_wise"])
def test_loss_and_gradients_are_those_of_the_whole_layer(
    adapter: Literal["uniform", "instance_wise"], monkeypatch: pytest.MonkeyPatch
) -> None:
    hybrid = tuned(adapter)
    loss, gradients = loss_and_gradients(hybrid)
    monkeypatch.setattr(module, "can_restrict", lambda *_, **__: False)
    whole, expected = loss_and_gradients(hybrid)
    torch.testing.assert_close(loss, whole, rtol=1e-12, atol=1e-12)
    assert gradients.keys() == expected.keys() and len(gradients) > 8
    for name, gradient in expected.items():
        torch.testing.assert_close(gradients[name], gradient, rtol=1e-10, atol=1e-12)


def positions_seen(hybrid: HybridLanguageModel) -> list[int]:
    """Return the number of positions per row that each layer's feed-forward block reads in a forward pass."""
    seen: list[int] = []

    def note(block: nn.Module, inputs: tuple[torch.Tensor]) -> None:
        seen.append(inputs[0].shape[1])

    model: LlamaForCausalLM = hybrid.causal_model
    hooks = [layer.mlp.register_forward_pre_hook(note) for layer in model.model.layers]
    hybrid(**batch(hybrid.instance_wise is not None))
    for hook in hooks:
        hook.remove()
    return seen


def test_only_the_last_layer_leaves_positions_out_and_only_while_it_may() -> None:
    hybrid = tuned("uniform")
    assert positions_seen(hybrid) == [TOKENS] * (len(hybrid.causal_model.model.layers) - 1) + [3]
    assert hybrid.causal_model(torch.zeros(1, 5, dtype=torch.int64)).logits.shape[1] == 5  # it is unchanged
    assert set(positions_seen(tuned("uniform", attention="eager"))) == {TOKENS}


def test_layers_that_are_computed_again_change_no_bit() -> None:
    hybrid = tuned("instance_wise")
    loss, gradients = loss_and_gradients(hybrid)
    hybrid.activation_checkpointing_enable()
    again, found = loss_and_gradients(hybrid)
    assert hybrid.causal_model.model.layers[-1].gradient_checkpointing
    assert torch.equal(loss, again) and gradients.keys() == found.keys()
    assert all(torch.equal(found[name], gradient) for name, gradient in gradients.items())
