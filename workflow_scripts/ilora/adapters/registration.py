"""Makes the adapters of `InstanceWiseLoraConfig` known to PEFT."""

from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING, PEFT_TYPE_TO_PREFIX_MAPPING, PEFT_TYPE_TO_TUNER_MAPPING

from ilora.adapters.lora_config import SAVED_PEFT_TYPE, InstanceWiseLoraConfig, InstanceWisePeftType
from ilora.adapters.model import InstanceWiseLoraModel


def register() -> None:
    """Have `peft.get_peft_model`, `peft.PeftModel.from_pretrained` and the like take them as they take any other."""
    PEFT_TYPE_TO_CONFIG_MAPPING[InstanceWisePeftType.ILORA] = InstanceWiseLoraConfig  # type: ignore[index]
    PEFT_TYPE_TO_CONFIG_MAPPING[SAVED_PEFT_TYPE] = InstanceWiseLoraConfig  # type: ignore[index]
    PEFT_TYPE_TO_TUNER_MAPPING[InstanceWisePeftType.ILORA] = InstanceWiseLoraModel  # type: ignore[index]
    PEFT_TYPE_TO_PREFIX_MAPPING[InstanceWisePeftType.ILORA] = InstanceWiseLoraModel.prefix  # type: ignore[index]
