"""A causal language model with an instance-wise LoRA: the way in for other people's code."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from torch import nn

from ilora.adapters import storage
from ilora.adapters.config import CONSTANT_WIDTH, InstanceWiseConfig
from ilora.adapters.expert_weights import ExpertWeights
from ilora.adapters.gate import Gate, build_gate
from ilora.adapters.gate_inputs import collapse_tokens
from ilora.adapters.gating import folded, gate_lora_layers, lora_layers
from ilora.adapters.labels import IGNORED_LABEL
from ilora.adapters.load import LoadMeter
from ilora.adapters.storage import ADAPTER_NAME


class InstanceWiseModel(nn.Module):
    """A model with LoRA layers, and the gate before them (Eq. 10-12).

    Make one with `get_instance_wise_model` or `InstanceWiseModel.from_pretrained`. It takes what the model inside takes
    and, beside it, ``sequence_representations``: z, float (rows, d), one row for each row of the batch.

    Attributes:
        peft_model: PEFT's model; its LoRA layers are gated, merging it is refused unless the gate is constant.
        gate: from z to the weights of the experts.
        config: of the gate.
        expert_weights: what the gated layers read.
        load: the weights that passed in training, for the log.
    """

    def __init__(self, peft_model: PeftModel, config: InstanceWiseConfig) -> None:
        super().__init__()
        self.config = config
        self.peft_model = peft_model
        self.gate: Gate = build_gate(config)
        self.expert_weights = ExpertWeights(config.experts, config.scale)
        self.load = LoadMeter()
        gate_lora_layers(peft_model, self.expert_weights, self.constant_factors, ADAPTER_NAME)
        storage.close_to_plain_peft(peft_model)
        tuner: Any = peft_model.base_model
        tuner.add_weighted_adapter = self._combine_adapters

    @classmethod
    def from_pretrained(
        cls, base_model: nn.Module, folder: str | Path, is_trainable: bool = False
    ) -> "InstanceWiseModel":
        """Read an adapter that `save_pretrained` wrote, into ``base_model`` (changed in place).

        Args:
            base_model: the causal model that the adapter was made for.
            folder: of the adapter.
            is_trainable: False freezes adapter and gate and sets evaluation mode.

        Raises:
            FileNotFoundError: if a file is missing, the gate's among them.
            ValueError: if the adapter is of another kind, format, K, gate or base model.
            ilora.artifacts.errors.ArtifactError: if a file is damaged.
        """
        saved = storage.read_adapter(Path(folder))
        storage.check_base_model(saved, base_model)
        saved.lora.inference_mode = not is_trainable
        model = get_instance_wise_model(base_model, saved.lora, saved.instance_wise)
        model.load_adapter_state(saved)
        if not is_trainable:
            model.requires_grad_(False).eval()
        return model

    def save_pretrained(self, folder: str | Path) -> None:
        """Write ``adapter_model.safetensors`` (as PEFT does), ``gate.safetensors`` and ``adapter_config.json``."""
        storage.write_adapter(self.peft_model, self.gate, self.config, Path(folder))

    def load_adapter_state(self, saved: storage.SavedAdapter) -> None:
        """Put saved weights into adapter and gate.

        Raises:
            ValueError: if names or shapes differ.
        """
        storage.load_lora(self.peft_model, saved.lora_weights, saved.folder / storage.LORA_FILE)
        storage.load_gate(self.gate, saved)

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        *,
        sequence_representations: torch.Tensor | None = None,
        **inputs: Any,
    ) -> Any:
        """Run the model inside with the gates of ``sequence_representations``.

        Args:
            input_ids: int64 (rows, tokens), or ``inputs_embeds`` among the other inputs.
            sequence_representations: float (rows, d). Not needed, and refused, where the gate reads the tokens or
                nothing (see `InstanceWiseConfig.gate_input`).
            inputs: everything else that the model inside takes.

        Raises:
            ValueError: if they are missing where they are needed or given where they are not, are of another width or
                not finite; if a gate that reads the tokens gets no ``attention_mask``.
            RuntimeError: if they are not one for each row.
        """
        inputs = _with_ids(inputs, input_ids)
        with self.gated(self._gate_inputs(sequence_representations, inputs)):
            return self.peft_model(**inputs)

    @torch.no_grad()
    def generate(
        self,
        input_ids: torch.Tensor | None = None,
        *,
        sequence_representations: torch.Tensor | None = None,
        **inputs: Any,
    ) -> Any:
        """Generate as transformers does; the beams and return sequences of a row have the row's gate.

        Args and errors are those of `forward`; ``inputs`` takes the options of generation too.
        """
        inputs = _with_ids(inputs, input_ids)
        gate_inputs = self._gate_inputs(sequence_representations, inputs)
        with self.gated(gate_inputs.repeat_interleave(self._copies_of_a_row(inputs), dim=0)):
            return self.peft_model.generate(**inputs)

    @contextmanager
    def gated(self, gate_inputs: torch.Tensor) -> Iterator[None]:
        """While it lasts, every forward pass through the model inside has the gates of these rows.

        Args:
            gate_inputs: what the gate reads, float (rows, width).

        Raises:
            ValueError: if it has another width, or holds NaN or infinity.
        """
        with torch.autocast(gate_inputs.device.type, enabled=False):
            omega = self.gate(gate_inputs)
        if self.training:
            self.load.observe(omega)
        self.expert_weights.set(omega)
        try:
            yield
        finally:
            self.expert_weights.clear()

    def constant_gate_inputs(self, rows: int) -> torch.Tensor:
        """What a constant gate reads: ones, float (rows, 1)."""
        return torch.ones(rows, CONSTANT_WIDTH, device=self.gate.standardisation.mean.device)

    def gradient_checkpointing_enable(
        self, gradient_checkpointing_kwargs: Mapping[str, Any] | None = None, **options: Any
    ) -> None:
        """Switch gradient checkpointing on so that the recomputation sees the gates of its own forward pass.

        Args:
            gradient_checkpointing_kwargs: for `torch.utils.checkpoint.checkpoint`.
            options: whatever else transformers' own method takes.

        Raises:
            ValueError: if reentrant checkpointing is asked for, which loses them.
        """
        asked = dict(gradient_checkpointing_kwargs or {})
        if asked.get("use_reentrant"):
            raise ValueError("found use_reentrant=True, expected False: the reentrant kind would lose the gates")
        weights = self.expert_weights

        def contexts() -> Any:  # a plain function: torch.compile takes no other callable
            return weights.checkpoint_contexts()

        asked.update(use_reentrant=False, context_fn=contexts)
        inner: Any = self.peft_model.get_base_model()
        # Its name in later versions of transformers, which warn of the other one.
        enable = getattr(inner, "activation_checkpointing_enable", None) or inner.gradient_checkpointing_enable
        enable(asked, **options)

    def gradient_checkpointing_disable(self) -> None:
        """Switch it off."""
        inner: Any = self.peft_model.get_base_model()
        disable = getattr(inner, "activation_checkpointing_disable", None) or inner.gradient_checkpointing_disable
        disable()

    def merge_and_unload(self) -> nn.Module:
        """Give the model inside with the update merged into its weights.

        Raises:
            RuntimeError: unless the gate is constant.
        """
        self.constant_factors()
        return self.peft_model.merge_and_unload()

    def export_plain_lora(self, folder: str | Path, omega: torch.Tensor | None = None) -> None:
        """Write an ordinary PEFT LoRA that equals this adapter for sequences with the expert weights ``omega``.

        For all other sequences it is another model: this is a choice, never a conversion.

        Args:
            folder: to be made; plain PEFT reads it.
            omega: float (K,); None for those of a constant gate.

        Raises:
            RuntimeError: if omega is None and the gate is not constant.
            ValueError: if omega has another shape.
        """
        if omega is None:
            factors = self.constant_factors()
        elif omega.shape == (self.config.experts,):
            factors = omega.detach() * self.expert_weights.multiplier
        else:
            raise ValueError(f"omega: found shape {tuple(omega.shape)}, expected ({self.config.experts},)")
        with folded(self._layers(), ADAPTER_NAME, factors):
            storage.write_plain_lora(self.peft_model, Path(folder))

    @torch.no_grad()
    def constant_factors(self) -> torch.Tensor:
        """Give what multiplies the experts of every sequence alike, float (K,): omega times what the scale asks for.

        Raises:
            RuntimeError: if the gate is not constant.
        """
        if not self.config.is_constant:
            raise RuntimeError(
                "an instance-wise LoRA has one update for each sequence and cannot be merged; only a constant gate "
                "can. export_plain_lora(folder, omega) writes the LoRA of one choice of expert weights."
            )
        if self.config.experts == 1:
            omega = torch.ones(1, device=self.gate.standardisation.mean.device)
        else:
            was_training = self.gate.training
            omega = self.gate.eval()(self.constant_gate_inputs(1))[0]
            self.gate.train(was_training)
        return omega * self.expert_weights.multiplier

    def _gate_inputs(self, given: torch.Tensor | None, inputs: Mapping[str, Any]) -> torch.Tensor:
        gate_input = self.config.gate_input
        if gate_input not in ("token_collapsed", "constant"):
            if given is None:
                raise ValueError("sequence_representations: found None, expected one row for each row of the batch")
            return given
        if given is not None:
            raise ValueError(f"sequence_representations: expected None, since the gate's input is {gate_input}")
        embeddings = inputs.get("inputs_embeds")
        if embeddings is None:
            if "input_ids" not in inputs:
                raise ValueError("found neither input_ids nor inputs_embeds, expected one of them")
            inner: Any = self.peft_model.get_base_model()
            embeddings = inner.get_input_embeddings()(inputs["input_ids"])
        if gate_input == "constant":
            return self.constant_gate_inputs(len(embeddings))
        return collapse_tokens(embeddings, _prompt_tokens(inputs))

    def _copies_of_a_row(self, inputs: Mapping[str, Any]) -> int:
        """How many times transformers repeats each row; what it is told comes before what the model's config says."""
        sources = (inputs.get("generation_config"), self.peft_model.get_base_model().generation_config)
        copies = 1
        for name in ("num_beams", "num_return_sequences"):
            values = (inputs.get(name), *(getattr(source, name, None) for source in sources))
            copies = max(copies, next((value for value in values if value is not None), 1))
        return copies

    def _replicate_for_data_parallel(self) -> Any:
        """Refuse `torch.nn.DataParallel`: its threads would share one set of expert weights."""
        raise RuntimeError("torch.nn.DataParallel cannot run an instance-wise model; use DistributedDataParallel")

    def _combine_adapters(self, *arguments: Any, **keyword_arguments: Any) -> None:
        """Stand before PEFT's ``add_weighted_adapter``, which would read B A as if there were no gate."""
        tuner: Any = self.peft_model.base_model
        with folded(self._layers(), ADAPTER_NAME, self.constant_factors()):
            type(tuner).add_weighted_adapter(tuner, *arguments, **keyword_arguments)

    def _layers(self) -> list[Any]:
        return list(lora_layers(self.peft_model, ADAPTER_NAME).values())


def get_instance_wise_model(
    base_model: nn.Module, lora_config: LoraConfig, config: InstanceWiseConfig
) -> InstanceWiseModel:
    """Put fresh LoRA layers into a model (changed in place) and a gate before them.

    Raises:
        ValueError: if a targeted layer cannot be gated, or the rank is no multiple of the experts.
    """
    peft_model = get_peft_model(base_model, lora_config, ADAPTER_NAME)
    try:
        model = InstanceWiseModel(peft_model, config)
    except ValueError:
        peft_model.unload()  # a second attempt finds the base model as it was
        raise
    model.gate.to(next(base_model.parameters()).device)
    return model


def _with_ids(inputs: dict[str, Any], input_ids: torch.Tensor | None) -> dict[str, Any]:
    return inputs if input_ids is None else {"input_ids": input_ids, **inputs}


def _prompt_tokens(inputs: Mapping[str, Any]) -> torch.Tensor:
    """Mark the tokens that are neither padding nor answer, bool (rows, tokens)."""
    if inputs.get("attention_mask") is None:
        raise ValueError("attention_mask: found None, expected one: a gate that reads the tokens must know the padding")
    prompt: torch.Tensor = inputs["attention_mask"].bool()
    return prompt if inputs.get("labels") is None else prompt & (inputs["labels"] == IGNORED_LABEL)
