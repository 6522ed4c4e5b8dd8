"""Instance-wise LoRA on PEFT: the gate, and the gating of ordinary LoRA layers."""

from ilora.adapters.gate import Gate, LinearGate, ResidualConvolutionGate, build_gate
from ilora.adapters.gating import ExpertWeights, InstanceWiseVariant, gate_lora_layers

__all__ = [
    "ExpertWeights",
    "Gate",
    "InstanceWiseVariant",
    "LinearGate",
    "ResidualConvolutionGate",
    "build_gate",
    "gate_lora_layers",
]
