"""Instance-wise models from LoRA settings and gate settings."""

import copy
from typing import cast

from peft import LoraConfig, PeftModel, get_peft_model
from torch import nn

from ilora.adapters.config import InstanceWiseConfig
from ilora.adapters.lora_config import InstanceWiseLoraConfig


def get_instance_wise_model(
    base_model: nn.Module, lora_config: LoraConfig, config: InstanceWiseConfig, adapter_name: str = "default"
) -> PeftModel:
    """Add new LoRA layers with a gate to a model, which is changed in place.

    Equivalent to `peft.get_peft_model` with an `InstanceWiseLoraConfig` that combines the two configurations.

    Raises:
        ValueError: if a targeted layer cannot be gated, or the rank is not a multiple of the number of experts.
    """
    return cast(PeftModel, get_peft_model(base_model, instance_wise_lora(lora_config, config), adapter_name))


def instance_wise_lora(lora_config: LoraConfig, config: InstanceWiseConfig) -> InstanceWiseLoraConfig:
    """Return a copy of LoRA settings with gate settings added."""
    names = [field for field in LoraConfig.__dataclass_fields__ if field != "peft_type"]
    values = {name: getattr(lora_config, name) for name in names}
    return InstanceWiseLoraConfig(**copy.deepcopy(values), instance_wise=config)
