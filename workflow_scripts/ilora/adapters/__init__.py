"""Instance-wise LoRA on PEFT: a gate before ordinary LoRA layers."""

from ilora.adapters.config import InstanceWiseConfig
from ilora.adapters.gate import Gate, LinearGate, ResidualConvolutionGate, TopKGate, build_gate
from ilora.adapters.load import ExpertLoad, expert_load
from ilora.adapters.model import InstanceWiseModel, get_instance_wise_model

__all__ = [
    "ExpertLoad",
    "Gate",
    "InstanceWiseConfig",
    "InstanceWiseModel",
    "LinearGate",
    "ResidualConvolutionGate",
    "TopKGate",
    "build_gate",
    "expert_load",
    "get_instance_wise_model",
]
