"""The settings of an instance-wise adapter as PEFT keeps them: LoRA's, and those of the gate."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig
from peft.utils import SAFETENSORS_WEIGHTS_NAME

from ilora.adapters.config import InstanceWiseConfig
from ilora.adapters.digests import add_digests
from ilora.adapters.earlier_format import earlier_gate, folder_of, is_earlier_format, read_settings


class InstanceWisePeftType(StrEnum):
    """PEFT keys its tables by `peft.PeftType`, whose members are equal to their strings, as this one is."""

    ILORA = "ILORA"


#: As it is saved. Where this package is not imported, PEFT raises KeyError with it, and says nothing else.
SAVED_PEFT_TYPE = "ILORA: import ilora.adapters first"

#: Of `LoraConfig.init_lora_weights`: what leaves the base model's weights alone and B A at zero under every gate.
_INITIALISATIONS = (True, False, "gaussian", "eva")


@dataclass
class InstanceWiseLoraConfig(LoraConfig):
    """LoRA's settings with those of the gate.

    Attributes:
        instance_wise: of the gate; a mapping of its settings is taken too.
        base: what tells the base model from others, written by the model itself; see
            `ilora.adapters.base_model.describe`.

    Raises:
        ValueError: if there are none of the gate, or ``init_lora_weights`` changes the base model's weights.
    """

    instance_wise: Any = field(default=None, metadata={"help": "Settings of the gate, an InstanceWiseConfig."})
    base: dict[str, Any] | None = field(default=None, metadata={"help": "What tells the base model from others."})

    def __post_init__(self) -> None:
        super().__post_init__()
        self.peft_type = InstanceWisePeftType.ILORA
        #: Whether the settings are those of a folder whose gate has a file of its own, as earlier versions wrote it.
        self.is_of_earlier_format = is_earlier_format(self.instance_wise)
        self._earlier_gate: Mapping[str, torch.Tensor] | None = None
        if isinstance(self.instance_wise, Mapping):
            self.instance_wise, described = read_settings(self.instance_wise)
            self.base = self.base or described
        if not isinstance(self.instance_wise, InstanceWiseConfig):
            raise ValueError(f"instance_wise: found {self.instance_wise!r}, expected an InstanceWiseConfig")
        if self.instance_wise.gate_input != "constant":
            # PEFT's model of no task hands the sequence representations past the adapter.
            self.task_type = self.task_type or "CAUSAL_LM"
        if self.init_lora_weights not in _INITIALISATIONS:
            raise ValueError(
                f"init_lora_weights: found {self.init_lora_weights!r}, expected True, False, 'gaussian' or 'eva': "
                "what this one takes from the base model's weights, the gate would not give back"
            )

    def to_dict(self) -> dict[str, Any]:
        """Give the settings as they are saved: the same ones in the same order."""
        settings = super().to_dict() | {"peft_type": SAVED_PEFT_TYPE}
        return {key: sorted(value) if isinstance(value, set) else value for key, value in settings.items()}

    def save_pretrained(self, save_directory: str, **options: Any) -> None:
        """Write the settings as PEFT does, and into the adapter's weights, which PEFT writes before, their digests.

        Raises:
            ValueError: if the weights in the folder are damaged, by the digests that they have.
        """
        add_digests(Path(save_directory, SAFETENSORS_WEIGHTS_NAME), self)
        super().save_pretrained(save_directory, **options)

    @classmethod
    def from_pretrained(
        cls, pretrained_model_name_or_path: str | Path, subfolder: str | None = None, **options: Any
    ) -> "InstanceWiseLoraConfig":
        """Read settings as PEFT does, and of a folder or repository that an earlier version wrote the gate too.

        Raises:
            ValueError: if they are of another kind of adapter or of a later format; if the gate is that of another
                adapter.
            FileNotFoundError: if a folder of an earlier version lacks its gate.
        """
        name = str(pretrained_model_name_or_path)
        config: Any = super().from_pretrained(name, subfolder, **options)
        if not isinstance(config, cls):
            raise ValueError(f"{name}: found an adapter of type {config.peft_type.value}, expected ILORA")
        if config.is_of_earlier_format:
            hub_options, *_ = cls._split_kwargs(options)
            config._earlier_gate = earlier_gate(folder_of(name, subfolder, hub_options))
        return config

    @property
    def earlier_gate(self) -> Mapping[str, torch.Tensor] | None:
        """The gate of a folder that an earlier version wrote, None for all others.

        Raises:
            ValueError: if it was not read with the settings.
        """
        if self.is_of_earlier_format and self._earlier_gate is None:
            raise ValueError(
                "the adapter is of an earlier version, whose gate has a file of its own, which "
                "PeftConfig.from_pretrained does not read: leave config out, or read it by "
                "InstanceWiseLoraConfig.from_pretrained"
            )
        return self._earlier_gate
