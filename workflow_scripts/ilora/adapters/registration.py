"""Registration of `InstanceWiseLoraConfig` adapters with PEFT."""

from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING, PEFT_TYPE_TO_PREFIX_MAPPING, PEFT_TYPE_TO_TUNER_MAPPING

from ilora.adapters.lora_config import SAVED_PEFT_TYPE, InstanceWiseLoraConfig, InstanceWisePeftType
from ilora.adapters.model import InstanceWiseLoraModel


def register() -> None:
    """Register the adapter, so that `peft.get_peft_model`, `peft.PeftModel.from_pretrained` etc. accept it."""
    PEFT_TYPE_TO_CONFIG_MAPPING[InstanceWisePeftType.ILORA] = InstanceWiseLoraConfig  # type: ignore[index]
    PEFT_TYPE_TO_CONFIG_MAPPING[SAVED_PEFT_TYPE] = InstanceWiseLoraConfig  # type: ignore[index]
    PEFT_TYPE_TO_TUNER_MAPPING[InstanceWisePeftType.ILORA] = InstanceWiseLoraModel  # type: ignore[index]
    PEFT_TYPE_TO_PREFIX_MAPPING[InstanceWisePeftType.ILORA] = InstanceWiseLoraModel.prefix  # type: ignore[index]
