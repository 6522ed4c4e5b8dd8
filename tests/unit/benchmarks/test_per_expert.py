"""The reference computes the same results as the library, without which a comparison of speed is meaningless."""

from collections.abc import Iterator

import pytest
import torch
from peft import LoraConfig, PeftModel

from ilora.adapters import InstanceWiseConfig, get_instance_wise_model
from ilora.adapters.config import Scale
from ilora.adapters.gating import lora_layers
from ilora.benchmarks.adaptations import MODULES, WIDTH, random_representations
from ilora.benchmarks.per_expert import PerExpertModel, copy_adapter
from ilora.benchmarks.training_step import TrainingStep
from ilora.benchmarks.update_step import make_update_step
from ilora.benchmarks.workloads import Workload, random_inputs, random_llama, twin

CPU = torch.device("cpu")
TINY = Workload(batch=3, tokens=5, layers=2, hidden_size=32, intermediate_size=48, heads=2, vocabulary_size=16)


@pytest.fixture(params=["per_expert_rank", "per_rank"])
def forms(request: pytest.FixtureRequest) -> Iterator[tuple[PeftModel, PerExpertModel]]:
    """Our form and the reference with the same weights, in double precision."""
    scale: Scale = request.param
    base = random_llama(TINY, CPU, torch.float64)
    config = InstanceWiseConfig(experts=4, width=WIDTH, scale=scale)
    lora = LoraConfig(r=8, lora_alpha=16, target_modules=list(MODULES), init_lora_weights=False)
    ours, reference = (
        get_instance_wise_model(twin(base), lora, config).double(),
        PerExpertModel(twin(base), lora, config),
    )
    assert len(lora_layers(ours, "default")) == len(reference.layers) == len(MODULES) * TINY.layers
    copy_adapter(ours, reference.double())
    yield ours, reference


def test_the_model_with_its_gradients(forms: tuple[PeftModel, PerExpertModel]) -> None:
    z = random_representations(TINY.batch, CPU)
    logits, gradients = [], []
    for model in forms:
        inputs = random_inputs(TINY, CPU, torch.float64)
        output = model(**inputs, sequence_representations=z).logits
        output.square().sum().backward()
        logits.append(output)
        gradients.append((inputs["inputs_embeds"].grad, model.gate.get_parameter("projection.weight").grad))
    torch.testing.assert_close(logits[0], logits[1], rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-9, atol=1e-12)
    of_gate = gradients[0][1]
    assert of_gate is not None and of_gate.abs().max() > 0


def test_the_updates_alone(forms: tuple[PeftModel, PerExpertModel]) -> None:
    ours, reference = forms
    z = random_representations(TINY.batch, CPU)
    our_layers = list(lora_layers(ours, "default").values())
    steps = (
        make_update_step(ours, our_layers, lambda: ours.gated(z), TINY, CPU, torch.float64),
        make_update_step(reference, list(reference.layers), lambda: reference.gated(z), TINY, CPU, torch.float64),
    )
    outputs = []
    for step in steps:
        with step.gated():
            outputs.append([layer(x) for layer, x in zip(step.layers, step.inputs, strict=True)])
    torch.testing.assert_close(outputs[0], outputs[1], rtol=1e-10, atol=1e-12)


def test_the_frozen_weights_are_frozen(forms: tuple[PeftModel, PerExpertModel]) -> None:
    names = [name for name, parameter in forms[1].named_parameters() if parameter.requires_grad]
    assert len(names) == 2 * 4 * len(forms[1].layers) + 1
    assert all("lora_" in name or name.startswith("gate.") for name in names)


def test_expert_weights_do_not_outlive_their_batch(forms: tuple[PeftModel, PerExpertModel]) -> None:
    reference = forms[1]
    z = random_representations(TINY.batch, CPU)
    inputs = {**random_inputs(TINY, CPU, torch.float64), "sequence_representations": z}
    TrainingStep(reference, inputs, CPU, torch.float64)()
    assert not any(hasattr(layer, "omega") for layer in reference.layers)
