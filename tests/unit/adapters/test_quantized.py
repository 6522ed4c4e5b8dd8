"""Gated LoRA on base models quantized by bitsandbytes to 4 and 8 bits."""

from pathlib import Path
from typing import Any

import pytest
import torch
from bitsandbytes.functional import dequantize_4bit
from peft import PeftModel
from torch import nn
from transformers import BitsAndBytesConfig, LlamaForCausalLM

from ilora.adapters.gating import lora_layers
from tiny_models import (
    config,
    instance_wise,
    padded,
    plain_lora,
    random_sequences,
    relative_error,
    representations,
    tiny_model,
    update_of_one_sequence,
)

# A block of 4-bit weights has 64 values.
SHAPE: dict[str, Any] = {"hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 1}
BITS = [4, 8]
DEVICES = [
    "cpu",
    pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")),
]
SETTINGS = {
    4: BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.float32),
    8: BitsAndBytesConfig(load_in_8bit=True),
}

pytestmark = pytest.mark.filterwarnings("ignore:.*Merge lora module to .*-bit linear")


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base")
    tiny_model(**SHAPE).save_pretrained(str(folder))
    return folder


def quantized(saved: Path, bits: int, device: str = "cpu") -> Any:
    return LlamaForCausalLM.from_pretrained(
        saved, quantization_config=SETTINGS[bits], device_map=device, dtype=torch.float32
    )


def inputs(device: str = "cpu") -> dict[str, torch.Tensor]:
    batch = padded(random_sequences([5, 5]), "left") | {"sequence_representations": representations(2)}
    return {name: tensor.to(device) for name, tensor in batch.items()}


def adapter_of(model: nn.Module) -> dict[str, torch.Tensor]:
    """Return the state of LoRA layers, and of the gate if there is one."""
    return {name: tensor for name, tensor in model.state_dict().items() if "lora_" in name or name.startswith("gate.")}


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("bits", BITS)
def test_a_layer_adds_the_sum_over_experts_to_what_the_quantized_layer_gives(
    saved: Path, bits: int, device: str
) -> None:
    model = instance_wise(quantized(saved, bits, device), config(4)).to(device)
    layers = lora_layers(model, "default")
    assert {type(layer).__name__ for layer in layers.values()} == {f"Linear{bits}bit" if bits == 4 else "Linear8bitLt"}
    assert {layer.get_base_layer().weight.element_size() for layer in layers.values()} == {1}
    assert len(layers) == 7
    omega = model.gate(representations(2).to(device)).detach()
    model.expert_weights.set(omega)
    x = torch.randn(2, 3, 64, generator=torch.Generator().manual_seed(0)).to(device)
    for layer in layers.values():
        updates = torch.stack([update_of_one_sequence(layer.cpu(), row.double().cpu(), True) for row in omega])
        layer.to(device)
        with torch.no_grad():
            found, without = layer(x), layer.get_base_layer()(x)
        expected = without.double().cpu() + x.double().cpu() @ updates.transpose(1, 2)
        assert relative_error(found.double().cpu(), expected) < 1e-5


def test_a_4_bit_model_is_the_model_of_its_dequantized_weights(saved: Path) -> None:
    model = instance_wise(quantized(saved, 4), config(4))
    reference = instance_wise(tiny_model(**SHAPE), config(4))
    originals = lora_layers(reference, "default")
    for name, layer in lora_layers(model, "default").items():
        weight = layer.get_base_layer().weight
        originals[name].get_base_layer().weight.data = dequantize_4bit(weight.data, weight.quant_state)
    reference.load_state_dict(adapter_of(model), strict=False)
    found, expected = model(**inputs()).logits, reference(**inputs()).logits
    # On some processors, bitsandbytes has a kernel that always multiplies in bfloat16.
    assert relative_error(found, expected) < 0.04
    assert relative_error(found, instance_wise(tiny_model(**SHAPE), config(4))(**inputs()).logits) > 0.08


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("bits", BITS)
def test_a_uniform_gate_is_pefts_lora_bit_for_bit(saved: Path, bits: int, device: str) -> None:
    plain = plain_lora(quantized(saved, bits, device)).to(device)
    gated = instance_wise(quantized(saved, bits, device), config(4)).to(device)
    gated.load_state_dict(adapter_of(plain), strict=False)
    nn.init.zeros_(gated.gate.projection.weight)
    batch = inputs(device)
    found = gated(**batch, labels=batch["input_ids"])
    del batch["sequence_representations"]
    expected = plain(**batch, labels=batch["input_ids"])
    assert torch.equal(found.logits, expected.logits)
    found.loss.backward()
    expected.loss.backward()
    gradients = {name: parameter.grad for name, parameter in gated.named_parameters()}
    for name, parameter in plain.named_parameters():
        if parameter.requires_grad:
            assert torch.equal(gradients[name], parameter.grad)  # type: ignore[arg-type]


@pytest.mark.parametrize("bits", BITS)
def test_it_trains_with_gradient_checkpointing(saved: Path, bits: int) -> None:
    gradients = []
    for checkpointing in (False, True):
        model = instance_wise(quantized(saved, bits), config(4)).train()
        if checkpointing:
            model.gradient_checkpointing_enable()
        model(**inputs(), labels=inputs()["input_ids"]).loss.backward()
        gradients.append([p.grad for p in model.parameters() if p.requires_grad])
    for found, expected in zip(*gradients, strict=True):
        assert found is not None and expected is not None
        assert torch.equal(found, expected)
        assert expected.abs().sum() > 0


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("bits", BITS)
def test_it_generates(saved: Path, bits: int, device: str) -> None:
    model = instance_wise(quantized(saved, bits, device), config(4)).to(device)
    batch = inputs(device)
    del batch["position_ids"]
    cached = model.generate(**batch, max_new_tokens=4, num_beams=2)
    assert cached.shape == (2, 5 + 4)
    if bits == 4:  # the 8-bit product rounds relative to the largest value of each row
        assert torch.equal(model.generate(**batch, max_new_tokens=4, num_beams=2, use_cache=False), cached)


@pytest.mark.parametrize("bits", BITS)
def test_an_adapter_survives_the_disk_on_quantized_and_plain_base(saved: Path, bits: int, tmp_path: Path) -> None:
    model = instance_wise(quantized(saved, bits), config(4))
    model.save_pretrained(str(tmp_path))
    again = PeftModel.from_pretrained(quantized(saved, bits), tmp_path)
    plain = PeftModel.from_pretrained(tiny_model(**SHAPE), tmp_path)
    with torch.no_grad():
        expected = model(**inputs()).logits
        assert torch.equal(again(**inputs()).logits, expected)
        assert relative_error(plain(**inputs()).logits, expected) < 0.5
    with pytest.raises(ValueError, match="made for another base model"):
        PeftModel.from_pretrained(tiny_model(**SHAPE, seed=1), tmp_path)


@pytest.mark.parametrize("bits", BITS)
def test_merging_is_refused_unless_the_gate_is_constant_and_then_is_pefts_own(saved: Path, bits: int) -> None:
    gated = instance_wise(quantized(saved, bits), config(4))
    with pytest.raises(RuntimeError, match="cannot be merged"):
        gated.merge_adapter()
    plain = plain_lora(quantized(saved, bits))
    one_expert = instance_wise(quantized(saved, bits), config(1))
    one_expert.load_state_dict(adapter_of(plain), strict=False)
    one_expert.merge_adapter()
    plain.merge_adapter()
    batch = inputs()
    with torch.no_grad():
        merged = one_expert(**batch).logits
        del batch["sequence_representations"]
        assert torch.equal(merged, plain(**batch).logits)
