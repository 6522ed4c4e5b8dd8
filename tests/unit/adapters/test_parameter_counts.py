"""Parameter counts of the gate on Llama-2-7B, computed without loading its weights."""

import torch
from peft import LoraConfig, get_peft_model
from torch import nn
from transformers import LlamaConfig, LlamaForCausalLM

from ilora.adapters import InstanceWiseConfig, get_instance_wise_model

SEVEN = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
BASE, UNIFORM, GATE = 6_738_415_616, 19_988_480, 256


def llama_2_7b() -> LlamaForCausalLM:
    shape = {"hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32, "num_attention_heads": 32}
    with torch.device("meta"):
        return LlamaForCausalLM(LlamaConfig(**shape, vocab_size=32000))  # type: ignore[arg-type]


def lora_settings() -> LoraConfig:
    return LoraConfig(r=8, lora_alpha=32, target_modules=SEVEN, task_type="CAUSAL_LM")


def trained(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)


def test_the_gate_adds_less_than_a_hundredth_of_a_percent_and_the_whole_is_below_one_percent() -> None:
    base = llama_2_7b()
    assert sum(parameter.numel() for parameter in base.parameters()) == BASE
    with torch.device("meta"):
        uniform = trained(get_peft_model(base, lora_settings()))
        model = get_instance_wise_model(llama_2_7b(), lora_settings(), InstanceWiseConfig(experts=4, width=64))
    assert (uniform, trained(model), trained(model.gate)) == (UNIFORM, UNIFORM + GATE, GATE)
    assert GATE / UNIFORM < 1e-4
    assert (UNIFORM + GATE) / BASE < 0.01
