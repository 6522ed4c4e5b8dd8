"""torch.compile."""

import pytest
import torch
from peft import PeftModel
from torch._dynamo.testing import CompileCounterWithBackend

from tiny_models import config, instance_wise, lora, padded, random_sequences, representations, tiny_model


def step(model: PeftModel, run: torch.nn.Module, seed: int) -> list[torch.Tensor]:
    """Return the logits of a batch and all gradients."""
    model.zero_grad()
    batch = padded(random_sequences([5, 5, 5], seed), "left")
    out = run(**batch, labels=batch["input_ids"], sequence_representations=representations(3, seed))
    out.loss.backward()
    gradients = [parameter.grad for parameter in model.parameters() if parameter.requires_grad]
    return [out.logits.detach(), *(gradient.clone() for gradient in gradients if gradient is not None)]


@pytest.mark.slow
# torch's compiler itself reads .grad.
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf:UserWarning")
@pytest.mark.parametrize("checkpointing", [False, True])
def test_a_compiled_model_gives_the_same_numbers_and_is_compiled_once(checkpointing: bool) -> None:
    torch._dynamo.reset()
    modules = lora(target_modules=["q_proj", "down_proj"])
    model = instance_wise(tiny_model(num_hidden_layers=1), config(4), modules).train()
    if checkpointing:
        model.gradient_checkpointing_enable()
    counter = CompileCounterWithBackend("aot_eager")
    compiled = torch.compile(model, backend=counter)
    graphs = []
    for seed in range(4):
        expected, found = step(model, model, seed), step(model, compiled, seed)  # type: ignore[arg-type]
        assert len(expected) == 1 + 4 + 1
        for ours, theirs in zip(found, expected, strict=True):
            torch.testing.assert_close(ours, theirs)
        graphs.append(counter.frame_count)
    assert graphs == [graphs[0]] * 4
    assert graphs[0] > 0
    load = model.load.read()
    assert load is not None and len(load.shares) == 4
