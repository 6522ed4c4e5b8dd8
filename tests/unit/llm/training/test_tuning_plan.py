"""The plan of a fine-tuning against the memory and operations of a real one."""

import gc
from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, LlamaForCausalLM, PreTrainedConfig

from ilora.adapters.labels import IGNORED_LABEL
from ilora.benchmarks.memory import held_bytes, peak_bytes
from ilora.benchmarks.workloads import EMBEDDED, LLAMA_2_7B_GPU
from ilora.configuration.sections.backbone import BackboneSource
from ilora.configuration.sections.finetuning_values import AdapterValues
from ilora.configuration.tuning import AdapterShape, MethodKind
from ilora.llm.model.adapter import attach_adapter
from ilora.llm.model.hybrid_model import HybridLanguageModel
from ilora.llm.model.inputs import read_method_inputs
from ilora.llm.model.projector import Projector
from ilora.llm.training.frozen_weights import frozen_bytes
from ilora.llm.training.memory_estimate import StepShape, StepTracer
from ilora.llm.training.tuning_job import TuningJob, prepare_tuning
from ilora.llm.training.tuning_plan import describe_plan, plan_tuning, too_large
from ilora.methods.declaration import AdapterKind
from tiny_models import ARCHITECTURES, tiny_model

VALUES = AdapterValues(lora_alpha=32.0, scale="per_rank", item_vectors="raw")
SHAPE = AdapterShape(VALUES, MethodKind(prompt="hybrid", adapter="instance_wise"))
BATCH = StepShape(EMBEDDED.batch, EMBEDDED.tokens, answer_tokens=8)


def tuned_model(config: PreTrainedConfig, shape: AdapterShape, gradient_checkpointing: bool) -> HybridLanguageModel:
    torch.manual_seed(0)
    backbone = AutoModelForCausalLM.from_config(config).requires_grad_(False)
    model = attach_adapter(backbone, Projector(64, config.hidden_size), torch.randn(1600, 64), shape, 64, 1).train()
    if gradient_checkpointing:
        model.activation_checkpointing_enable()
    return model


def batch_of(shape: StepShape) -> dict[str, torch.Tensor]:
    input_ids = torch.ones(shape.rows, shape.tokens, dtype=torch.long)
    behaviour, labels = torch.full_like(input_ids, -1), torch.full_like(input_ids, IGNORED_LABEL)
    behaviour[:, ::13] = 3
    labels[:, -shape.answer_tokens :] = 5
    return {
        "input_ids": input_ids,
        "behaviour": behaviour,
        "labels": labels,
        "gate_inputs": torch.randn(shape.rows, 64),
    }


def operations_of(model: HybridLanguageModel, batch: dict[str, torch.Tensor]) -> int:
    counter = FlopCounterMode(display=False)
    with counter:
        model(**batch)["loss"].backward()
    return counter.get_total_flops()


@pytest.mark.slow
@pytest.mark.parametrize("adapter", ["instance_wise", "uniform"])
@pytest.mark.parametrize("gradient_checkpointing", [False, True])
def test_planned_memory_and_operations_are_those_of_the_embedded_backbone(
    adapter: AdapterKind, gradient_checkpointing: bool
) -> None:
    shape = AdapterShape(VALUES, MethodKind(prompt="hybrid", adapter=adapter))
    model, batch = tuned_model(EMBEDDED.config(), shape, gradient_checkpointing), batch_of(BATCH)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained)

    def step() -> None:
        model(**batch)["loss"].backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    step()
    moments = [value for state in optimizer.state.values() for value in state.values()]
    gc.collect()
    before = held_bytes([*model.parameters(), *model.buffers(), *moments])
    measured = before + peak_bytes(step, torch.device("cpu"))

    tracer = StepTracer.of(EMBEDDED.config(), shape, 64, BackboneSource(name="none"), gradient_checkpointing)
    planned = tracer.trace(BATCH)
    print(f"planned {planned.bytes / 2**20:.1f} MiB, measured {measured / 2**20:.1f} MiB")
    assert planned.bytes == pytest.approx(measured, rel=0.15)
    assert planned.trained == planned.gradients == sum(4 * parameter.numel() for parameter in trained)
    assert planned.operations == pytest.approx(operations_of(model, batch), rel=0.02)


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_a_step_of_every_architecture_can_be_planned(kind: str) -> None:
    config, shape = tiny_model(kind).config, StepShape(rows=2, tokens=12, answer_tokens=3)
    planned = StepTracer.of(config, SHAPE, 64, BackboneSource(name="none", attention="eager"), False).trace(shape)
    model = tuned_model(config, SHAPE, gradient_checkpointing=False)
    measured = operations_of(model, batch_of(shape))
    assert planned.frozen == sum(4 * weight.numel() for weight in model.parameters() if not weight.requires_grad)
    assert planned.operations == pytest.approx(measured, rel=0.05)


@pytest.mark.slow
def test_llama_2_7b_is_planned_without_its_weights() -> None:
    """Only six layers, because the others are the same."""
    layers = 6

    def tracer(quantization: Any, gradient_checkpointing: bool) -> StepTracer:
        config = LLAMA_2_7B_GPU.config()
        config.num_hidden_layers = layers
        source = BackboneSource(name="none", precision="bfloat16", quantization=quantization)
        return StepTracer.of(config, SHAPE, 64, source, gradient_checkpointing)

    kept, again = tracer(None, False), tracer("nf4", True)
    layer, embedding, norm = 202_383_360, 32_000 * 4096, 4096
    assert 32 * layer + 2 * embedding + norm == 6_738_415_616  # all of Llama-2-7B
    lora, gate, projector = layers * 624_640, 64 * 4, 64 * 4096 + 4096 + 4096 * 4096 + 4096
    batch = StepShape(2, 200, 8)
    cost, saving = kept.trace(batch), again.trace(batch)
    assert cost.frozen == 2 * (layers * layer + 2 * embedding + norm)
    assert cost.trained == 4 * (lora + gate + projector)
    assert saving.frozen < 0.4 * cost.frozen
    assert saving.activations < 0.3 * cost.activations
    # The forward pass and the gradient of activations take two operations each per weight and token, without attention.
    # In the last layer, only keys and values are computed at all tokens.
    keys_and_values = 2 * 4096**2
    weights_and_tokens = ((layers - 1) * layer + keys_and_values) * 400 + (layer - keys_and_values) * 2 * 8
    assert cost.operations == pytest.approx(4 * weights_and_tokens, rel=0.05)
    # The others are recomputed in the backward pass.
    again_in_backward = 2 * (layers - 1) * layer * 400
    assert saving.operations == pytest.approx(4 * weights_and_tokens + again_in_backward, rel=0.05)


@pytest.mark.parametrize("quantization", ["nf4", "int8"])
def test_quantized_weights_are_planned_as_they_are_stored(
    llama: LlamaForCausalLM, tmp_path: Any, quantization: Any
) -> None:
    llama.save_pretrained(tmp_path)
    options = (
        BitsAndBytesConfig(load_in_8bit=True)
        if quantization == "int8"
        else BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True)
    )
    stored = AutoModelForCausalLM.from_pretrained(tmp_path, quantization_config=options, device_map={"": "cpu"})
    measured = sum(parameter.numel() * parameter.element_size() for parameter in stored.parameters())
    tracer = StepTracer.of(llama.config, SHAPE, 4, BackboneSource(name="none", quantization=quantization), False)
    assert frozen_bytes(tracer.model, quantization) == pytest.approx(measured, rel=0.1)


@pytest.mark.slow
def test_a_plan_follows_the_job(job: TuningJob) -> None:
    files = {name: job.inputs[name] for name in ("catalogue", "sequences")}
    plan = plan_tuning(job.settings, read_method_inputs(**files), embedding_size=4, processes=2)
    assert (plan.steps, plan.batch_size, plan.parts, plan.rows) == (12, 4, 1, 2)
    examples = prepare_tuning(job)[1]
    lengths = [len(examples[position].token_ids) for position in range(len(examples))]
    assert plan.longest_tokens == max(lengths)
    assert min(lengths) <= plan.mean_tokens <= max(lengths)
    one = plan_tuning(job.settings, read_method_inputs(**files), embedding_size=4, processes=1)
    assert one.rows == 4 and one.longest.activations > 1.5 * plan.longest.activations
    assert one.operations == pytest.approx(plan.operations, rel=0.1)

    divided = plan_tuning(job.settings, read_method_inputs(**files), embedding_size=4, processes=2, sharded=True)
    # With two layers, half of them plus one gathered layer equals both.
    assert divided.longest.frozen == plan.longest.frozen
    four = plan_tuning(job.settings, read_method_inputs(**files), embedding_size=4, processes=4, sharded=True)
    assert four.longest.frozen < plan.longest.frozen

    first, memory, arithmetic = describe_plan(plan)
    assert first.startswith("ilora on movielens: 12 steps of 4 sequences; 2 processes, 1 parts of 2 sequences")
    assert "fits a GPU of 16 GB" in memory and "at 40% of the peak (assumed)" in arithmetic
    error = str(too_large(plan, 0.001))
    assert "expected at most 0.001 (backbone.gpu_memory_gb)" in error and "gradient_checkpointing" in error
