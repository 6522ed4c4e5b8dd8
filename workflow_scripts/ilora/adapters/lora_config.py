"""The PEFT configuration of an instance-wise adapter: LoRA settings and gate settings."""

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
    """A key for PEFT's tables, which are keyed by `peft.PeftType`; its members are equal to their strings too."""

    ILORA = "ILORA"


#: The saved type. If this package is not imported, PEFT raises KeyError with nothing but this text.
SAVED_PEFT_TYPE = "ILORA: import ilora.adapters first"

#: Values of `LoraConfig.init_lora_weights` that keep the base model's weights unchanged and B A at zero for every gate.
_INITIALISATIONS = (True, False, "gaussian", "eva")


@dataclass
class InstanceWiseLoraConfig(LoraConfig):
    """LoRA settings with gate settings.

    Attributes:
        instance_wise: gate settings, as an `InstanceWiseConfig` or a mapping.
        base: description of the base model, written by the model itself; see `ilora.adapters.base_model.describe`.

    Raises:
        ValueError: if the gate settings are missing, or ``init_lora_weights`` would change the base model's weights.
    """

    instance_wise: Any = field(default=None, metadata={"help": "Settings of the gate, an InstanceWiseConfig."})
    base: dict[str, Any] | None = field(default=None, metadata={"help": "What tells the base model from others."})

    def __post_init__(self) -> None:
        super().__post_init__()
        self.peft_type = InstanceWisePeftType.ILORA
        #: Whether the settings come from an earlier version, which wrote the gate to a separate file.
        self.is_of_earlier_format = is_earlier_format(self.instance_wise)
        self._earlier_gate: Mapping[str, torch.Tensor] | None = None
        if isinstance(self.instance_wise, Mapping):
            self.instance_wise, described = read_settings(self.instance_wise)
            self.base = self.base or described
        if not isinstance(self.instance_wise, InstanceWiseConfig):
            raise ValueError(f"instance_wise: found {self.instance_wise!r}, expected an InstanceWiseConfig")
        if self.instance_wise.gate_input != "constant":
            # Without a task, PEFT's model does not pass the sequence representations through the adapter.
            self.task_type = self.task_type or "CAUSAL_LM"
        if self.init_lora_weights not in _INITIALISATIONS:
            raise ValueError(
                f"init_lora_weights: found {self.init_lora_weights!r}, expected True, False, 'gaussian' or 'eva': "
                "it moves part of the base model's weights into B A, which the gate would then rescale"
            )

    def to_dict(self) -> dict[str, Any]:
        """Return the settings in a deterministic order, as they are saved."""
        settings = super().to_dict() | {"peft_type": SAVED_PEFT_TYPE}
        return {key: sorted(value) if isinstance(value, set) else value for key, value in settings.items()}

    def save_pretrained(self, save_directory: str, **options: Any) -> None:
        """Write the settings as PEFT does, and add digests to the weights file, which PEFT has already written.

        Raises:
            ValueError: if the weights in the folder do not match the digests that they have.
        """
        add_digests(Path(save_directory, SAFETENSORS_WEIGHTS_NAME), self)
        super().save_pretrained(save_directory, **options)

    @classmethod
    def from_pretrained(
        cls, pretrained_model_name_or_path: str | Path, subfolder: str | None = None, **options: Any
    ) -> "InstanceWiseLoraConfig":
        """Read settings as PEFT does; if an earlier version wrote the folder or repository, read the gate as well.

        Raises:
            ValueError: if the adapter is of another type or a later format, or the gate belongs to another adapter.
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
        """The gate if an earlier version wrote the adapter, otherwise None.

        Raises:
            ValueError: if the gate was not read with the settings.
        """
        if self.is_of_earlier_format and self._earlier_gate is None:
            raise ValueError(
                "the adapter was written by an earlier version, which saved the gate in a separate file that "
                "PeftConfig.from_pretrained does not read: omit config, or read it with "
                "InstanceWiseLoraConfig.from_pretrained"
            )
        return self._earlier_gate
