"""Instance-wise LoRA on PEFT: a gate before ordinary LoRA layers. Importing it registers the adapter with PEFT."""

from ilora.adapters.collation import WithRepresentations
from ilora.adapters.config import InstanceWiseConfig
from ilora.adapters.construction import get_instance_wise_model
from ilora.adapters.gate import Gate, LinearGate, ResidualConvolutionGate, TopKGate, build_gate
from ilora.adapters.load import ExpertLoad, expert_load
from ilora.adapters.lora_config import InstanceWiseLoraConfig
from ilora.adapters.model import InstanceWiseLoraModel
from ilora.adapters.registration import register

__all__ = [
    "ExpertLoad",
    "Gate",
    "InstanceWiseConfig",
    "InstanceWiseLoraConfig",
    "InstanceWiseLoraModel",
    "LinearGate",
    "ResidualConvolutionGate",
    "TopKGate",
    "WithRepresentations",
    "build_gate",
    "expert_load",
    "get_instance_wise_model",
]

register()
