"""Instance-wise models from the settings of a LoRA and those of a gate."""

import copy
from typing import cast

from peft import LoraConfig, PeftModel, get_peft_model
from torch import nn

from ilora.adapters.config import InstanceWiseConfig
from ilora.adapters.lora_config import InstanceWiseLoraConfig


def get_instance_wise_model(
    base_model: nn.Module, lora_config: LoraConfig, config: InstanceWiseConfig, adapter_name: str = "default"
) -> PeftModel:
    """Put fresh LoRA layers into a model (changed in place) and a gate before them.

    The same as `peft.get_peft_model` with an `InstanceWiseLoraConfig` of the two.

    Raises:
        ValueError: if a targeted layer cannot be gated, or the rank is no multiple of the experts.
    """
    return cast(PeftModel, get_peft_model(base_model, instance_wise_lora(lora_config, config), adapter_name))


def instance_wise_lora(lora_config: LoraConfig, config: InstanceWiseConfig) -> InstanceWiseLoraConfig:
    """Give LoRA's settings, which stay as they are, with those of a gate."""
    names = [field for field in LoraConfig.__dataclass_fields__ if field != "peft_type"]
    values = {name: getattr(lora_config, name) for name in names}
    return InstanceWiseLoraConfig(**copy.deepcopy(values), instance_wise=config)
