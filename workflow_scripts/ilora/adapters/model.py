"""Instance-wise LoRA as a tuner of PEFT: the way in for other people's code.

What PEFT returns takes what the base model takes and, beside it, ``sequence_representations``: z, float (rows, d), one
row for each row of the batch.
"""

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from peft.tuners.lora import LoraModel
from peft.tuners.tuners_utils import _filter_state_dict_by_key_prefixes, _get_tuner_state_dict_key_prefixes
from peft.utils import PeftType
from peft.utils.integrations import init_empty_weights
from torch import nn

from ilora.adapters import base_model, checkpointing, saved_tensors, storage
from ilora.adapters.batch_inputs import by_name, collapsed_tokens_of, copies_of_a_row, given_gate_inputs
from ilora.adapters.config import CONSTANT_WIDTH, InstanceWiseConfig
from ilora.adapters.digests import check_settings, without_digests
from ilora.adapters.expert_weights import ExpertWeights
from ilora.adapters.gate import Gate, build_gate, in_evaluation
from ilora.adapters.gate_inputs import constant_gate_inputs
from ilora.adapters.gating import (
    InstanceWiseVariant,
    check_keeps_sequences_apart,
    folded,
    gate_lora_layers,
    lora_layers,
)
from ilora.adapters.load import LoadMeter
from ilora.adapters.lora_config import InstanceWiseLoraConfig
from ilora.adapters.mixed_batches import RowAdapters, check_rows, rows_by_adapter
from ilora.adapters.open_gates import OpenGates

#: Tasks whose models in PEFT add the head to what the caller's settings save, after the adapter was made.
_HEADED_AFTERWARDS = ("TOKEN_CLS", "QUESTION_ANS")


class InstanceWiseLoraModel(LoraModel):
    """The base model with gated LoRA layers, and a gate for each adapter (Eq. 10-12).

    PEFT makes it, as the ``base_model`` of what it returns, through which its methods are reached too.

    Attributes:
        gates: by the name of the adapter, from z to the weights of the experts.
    """

    gates: nn.ModuleDict
    #: Adapters injected into a model that is handed out without this one would lose their gates.
    uses_shared_state: bool = True

    def __init__(self, model: nn.Module, peft_config: Any, adapter_name: str, **options: Any) -> None:
        if any(isinstance(variant, InstanceWiseVariant) for variant in _variants(model)):
            raise ValueError(
                "the base model already has an instance-wise adapter: add another one by add_adapter, or take it off "
                "by unload()"
            )
        super().__init__(model, peft_config, adapter_name, **options)

    def _pre_injection_hook(self, model: nn.Module, config: Any, adapter_name: str) -> None:
        self.gates = nn.ModuleDict()
        self._open = OpenGates(self.gates)
        self._rows = RowAdapters()
        self._enabled = True
        self._paused: list[nn.Parameter] = []

    def inject_adapter(
        self,
        model: nn.Module,
        adapter_name: str,
        autocast_adapter_dtype: bool = True,
        low_cpu_mem_usage: bool = False,
        state_dict: dict[str, torch.Tensor] | None = None,
    ) -> None:
        """Put fresh LoRA layers into the base model, and a gate before them.

        Raises:
            ValueError: if a targeted layer cannot be gated, the rank is no multiple of the experts, or the settings
                are of another base model. The model is then as it was.
        """
        # The caller's own settings stay as they are: what the base model is known by is of this model alone.
        own: Any = self.peft_config[adapter_name]
        config = copy.deepcopy(own)
        if own.task_type in _HEADED_AFTERWARDS:
            own.modules_to_save = own.modules_to_save or []
            config.modules_to_save = own.modules_to_save
        self.peft_config[adapter_name] = config
        trainable = {parameter: parameter.requires_grad for parameter in self.gates.parameters()}
        super().inject_adapter(model, adapter_name, autocast_adapter_dtype, low_cpu_mem_usage, state_dict)
        settings: InstanceWiseConfig = config.instance_wise
        weights = ExpertWeights(settings.experts, settings.scale)
        try:
            if settings.gate_input != "constant":
                check_keeps_sequences_apart(model, lora_layers(model, adapter_name))
            gate_lora_layers(model, weights, partial(self.constant_factors, adapter_name), adapter_name)
            if config.base is not None:
                base_model.check(config.base, model)
        except ValueError:
            self._take_back(adapter_name)
            raise
        config.base = base_model.describe(model, adapter_name)
        with init_empty_weights() if low_cpu_mem_usage else nullcontext():
            gate = build_gate(settings)
        if not any(parameter.is_meta for parameter in gate.parameters()):
            gate.to(_device_of(model))
        gate.requires_grad_(adapter_name in self.active_adapters and not config.inference_mode)
        self._open.add(adapter_name, gate, weights)
        for parameter, requires_grad in trainable.items():
            parameter.requires_grad_(requires_grad)

    @property
    def gate(self) -> Gate:
        """The active adapter's."""
        return cast(Gate, self.gates[self._active_name()])

    @property
    def gate_config(self) -> InstanceWiseConfig:
        """The settings of the active adapter's gate."""
        return self._settings_of(self._active_name())

    @property
    def load(self) -> LoadMeter:
        """The load of the active adapter's experts in training."""
        return self._open.loads[self._active_name()]

    @property
    def expert_weights(self) -> ExpertWeights:
        """What the layers of the active adapter read."""
        return self._open.expert_weights[self._active_name()]

    def forward(self, *arguments: Any, sequence_representations: Any = None, **inputs: Any) -> Any:
        """Run the base model with the gates of ``sequence_representations``.

        Args:
            arguments: as the base model takes them; of a transformers model, the first are the ids.
            sequence_representations: float (rows, d). Not needed, and refused, where the gate reads the tokens or
                nothing (see `InstanceWiseConfig.gate_input`), and inside of `gated`.
            inputs: whatever the base model takes, by name.

        Raises:
            TypeError: if they are no tensor.
            ValueError: if they are missing where they are needed or given where they are not, are of another width or
                not finite; if a gate that reads the tokens gets no ``attention_mask`` for the tokens given.
            RuntimeError: if they are not one for each row.
        """
        with self._gates_of(sequence_representations, by_name(arguments, inputs)):
            return self.model(*arguments, **inputs)

    @torch.no_grad()
    def generate(self, *arguments: Any, sequence_representations: Any = None, **inputs: Any) -> Any:
        """Generate as transformers does; the beams and return sequences of a row have the row's gate.

        Args and errors are those of `forward`; ``inputs`` takes the options of generation too.
        """
        named = by_name(arguments, inputs)
        with (
            in_evaluation(self.gates),
            self._gates_of(sequence_representations, named, copies_of_a_row(named, self.model)),
        ):
            return cast(Any, self.model).generate(*arguments, **inputs)

    @contextmanager
    def gated(self, gate_inputs: torch.Tensor) -> Iterator[None]:
        """While it lasts, every forward pass of this thread has the gates of these rows.

        Args:
            gate_inputs: what the gate reads, float (rows, width).

        Raises:
            TypeError: if it is no tensor.
            ValueError: if it has another width, or holds NaN or infinity.
        """
        with self._open.all_opened(self.active_adapters, gate_inputs):
            yield

    def constant_gate_inputs(self, rows: int) -> torch.Tensor:
        """What a constant gate reads: ones, float (rows, 1)."""
        return constant_gate_inputs(rows, self.gate.standardisation.mean.device)

    def set_adapter(self, adapter_name: str | list[str], inference_mode: bool = False) -> None:
        """Set the active adapters; their gates are trained, unless they are for inference alone, and no others."""
        super().set_adapter(adapter_name, inference_mode=inference_mode)
        for name, gate in self.gates.items():
            gate.requires_grad_(name in self.active_adapters and not inference_mode)

    def set_requires_grad(self, adapter_names: str | Sequence[str], requires_grad: bool = True) -> None:
        """Have the weights and gates of adapters trained, or not."""
        super().set_requires_grad(adapter_names, requires_grad)
        for name in [adapter_names] if isinstance(adapter_names, str) else adapter_names:
            if name in self.gates:
                self.gates[name].requires_grad_(requires_grad)

    def delete_adapter(self, adapter_name: str) -> None:
        """Delete an adapter with its gate."""
        super().delete_adapter(adapter_name)
        self._open.remove(adapter_name)
        # The one that takes its place is trained, its gate too.
        for name in self.active_adapters:
            self.gates[name].requires_grad_(not self.peft_config[name].inference_mode)

    def activation_checkpointing_enable(
        self, activation_checkpointing_kwargs: Mapping[str, Any] | None = None, **options: Any
    ) -> None:
        """Switch gradient checkpointing on so that the recomputation sees the gates of its own forward pass.

        Args:
            activation_checkpointing_kwargs: for `torch.utils.checkpoint.checkpoint`.
            options: whatever else transformers' own method takes.

        Raises:
            ValueError: if reentrant checkpointing is asked for, which loses them.
        """

        def contexts() -> checkpointing.Contexts:
            return self._open.checkpoint_contexts()

        checkpointing.enable(self.model, activation_checkpointing_kwargs, contexts, options)

    def gradient_checkpointing_enable(
        self, gradient_checkpointing_kwargs: Mapping[str, Any] | None = None, **options: Any
    ) -> None:
        """Do as `activation_checkpointing_enable`, by the name that earlier versions of transformers call."""
        self.activation_checkpointing_enable(gradient_checkpointing_kwargs, **options)

    def add_weighted_adapter(
        self, adapters: list[str], weights: list[float], adapter_name: str, *arguments: Any, **options: Any
    ) -> None:
        """Add an adapter that combines constant ones, as PEFT does; its own gate is that of a single expert.

        Raises:
            RuntimeError: if the gate of one is not constant.
        """
        before: Any = self.peft_config[adapters[0]]
        single = InstanceWiseConfig(experts=1, width=CONSTANT_WIDTH, gate_input="constant")
        with ExitStack() as opened:
            for name in adapters:
                opened.enter_context(folded(self._layers(name), name, self.constant_factors(name)))
            try:
                self.peft_config[adapters[0]] = replace(before, instance_wise=single)
                super().add_weighted_adapter(adapters, weights, adapter_name, *arguments, **options)
            finally:
                self.peft_config[adapters[0]] = before
        # A singular value decomposition has no more ranks than the layer is wide, whatever rank was asked for.
        found = {layer.lora_A[adapter_name].weight.shape[0] for layer in self._layers(adapter_name)}
        self._open.expert_weights[adapter_name].ranks |= found

    def merge_adapter(self, adapter_names: list[str] | None = None, safe_merge: bool = False) -> None:
        """Merge the update of constant gates into the base model's weights.

        Raises:
            RuntimeError: unless they all are constant.
        """
        self._check_constant(adapter_names)
        super().merge_adapter(adapter_names, safe_merge)

    def export_plain_lora(
        self, folder: str | Path, omega: torch.Tensor | None = None, adapter_name: str | None = None
    ) -> None:
        """Write an ordinary PEFT LoRA that equals this adapter for sequences with the expert weights ``omega``.

        For all other sequences it is another model: this is a choice, never a conversion.

        Args:
            folder: to be made; PEFT and whatever reads its folders take it for the LoRA that it is.
            omega: float (K,); None for those of a constant gate.
            adapter_name: which; None for the active one.

        Raises:
            RuntimeError: if omega is None and the gate is not constant.
            ValueError: if omega has another shape.
        """
        name = adapter_name or self._active_name()
        weights = self._open.expert_weights[name]
        if omega is None:
            factors = self.constant_factors(name)
        elif omega.shape == (weights.experts,):
            factors = omega.detach() * weights.multiplier
        else:
            raise ValueError(f"omega: found shape {tuple(omega.shape)}, expected ({weights.experts},)")
        with folded(self._layers(name), name, factors):
            storage.write_as_plain_lora(self, name, Path(folder))

    def constant_factors(self, adapter_name: str) -> torch.Tensor:
        """Give what multiplies the experts of every sequence alike, float (K,): omega times what the scale asks for.

        Raises:
            RuntimeError: if the gate is not constant.
        """
        return self._open.constant_factors(adapter_name, self._settings_of(adapter_name))

    def _gates_of(self, given: Any, inputs: Mapping[str, Any], copies: int = 1) -> AbstractContextManager[None]:
        """Open the gates of a batch, each row of which comes ``copies`` times."""
        names = self._rows.names
        if not self._enabled:
            return nullcontext()
        if names is not None:
            return self._mixed(names, given, inputs, copies)
        # Without an active adapter it is the base model, as with PEFT's own; and inside of `gated` they are open.
        if not self.active_adapters or (given is None and self.expert_weights.current is not None):
            return nullcontext()
        settings = self.gate_config
        gate_input = settings.gate_input
        if given is not None and gate_input in ("token_collapsed", "constant"):
            raise ValueError(f"sequence_representations: expected None, since the gate's input is {gate_input}")
        if gate_input == "constant":
            return self._constant_opened(self.active_adapters)
        rows = self._gate_inputs(settings, given, inputs)
        return self.gated(rows if copies == 1 else rows.repeat_interleave(copies, dim=0))

    @contextmanager
    def _mixed(self, names: Sequence[str], given: Any, inputs: Mapping[str, Any], copies: int) -> Iterator[None]:
        """Open the gates of a batch whose rows have adapters of their own, or none."""
        with ExitStack() as opened:
            for name, places in rows_by_adapter(names).items():
                settings = self._settings_of(name)
                if settings.gate_input == "constant":
                    opened.enter_context(self._open.opened_for_all(name))
                    continue
                rows = self._gate_inputs(settings, given, inputs)
                check_rows(len(rows), len(names))
                opened.enter_context(self._open.opened(name, rows[places].repeat_interleave(copies, dim=0)))
            yield

    def _gate_inputs(self, settings: InstanceWiseConfig, given: Any, inputs: Mapping[str, Any]) -> torch.Tensor:
        if settings.gate_input == "token_collapsed":
            return collapsed_tokens_of(inputs, self.model)
        return given_gate_inputs(given)

    @contextmanager
    def _constant_opened(self, adapter_names: Iterable[str]) -> Iterator[None]:
        """Open those gates of adapters that are constant."""
        with ExitStack() as opened:
            for name in adapter_names:
                if self._settings_of(name).gate_input == "constant":
                    opened.enter_context(self._open.opened_for_all(name))
            yield

    @contextmanager
    def _enable_peft_forward_hooks(self, *arguments: Any, **inputs: Any) -> Iterator[None]:
        names = inputs.get("adapter_names")
        adapters = self.active_adapters if names is None else rows_by_adapter(names)
        # Without a task, PEFT's model calls the base model past this one.
        past = [name for name in adapters if name in self.peft_config and self.peft_config[name].task_type is None]
        with (
            super()._enable_peft_forward_hooks(*arguments, **inputs),
            self._rows.set(names),
            self._constant_opened(past),
        ):
            yield

    def _enable_adapter_layers(self, enabled: bool = True) -> None:
        if self._enabled and not enabled:  # as PEFT's layers, the gates are not trained meanwhile
            self._paused = [parameter for parameter in self.gates.parameters() if parameter.requires_grad]
            self.gates.requires_grad_(False)
        elif enabled and not self._enabled:
            for parameter in self._paused:
                parameter.requires_grad_(True)
        self._enabled = enabled
        super()._enable_adapter_layers(enabled)

    def _unload_and_optionally_merge(
        self,
        merge: bool = True,
        progressbar: bool = False,
        safe_merge: bool = False,
        adapter_names: list[str] | None = None,
    ) -> Any:
        if merge:
            self._check_constant(adapter_names)
        return super()._unload_and_optionally_merge(merge, progressbar, safe_merge, adapter_names)

    def _check_constant(self, adapter_names: list[str] | None) -> None:
        for name in adapter_names or self.active_adapters:
            self.constant_factors(name)

    def _check_target_module_compatiblity(self, peft_config: Any, model: nn.Module, target_name: str) -> None:
        """Refuse the layers that PEFT refuses to a LoRA, which it knows by the name of its type."""
        plain = copy.copy(peft_config)
        plain.peft_type = PeftType.LORA
        super()._check_target_module_compatiblity(plain, model, target_name)

    def _take_back(self, adapter_name: str) -> None:
        if len(self.peft_config) == 1:
            self.unload()
        else:
            super().delete_adapter(adapter_name)

    def _active_name(self) -> str:
        if not self.active_adapters:
            raise RuntimeError("no adapter is active: set one by set_adapter")
        return self.active_adapters[0]

    def _settings_of(self, adapter_name: str) -> InstanceWiseConfig:
        return cast(InstanceWiseLoraConfig, self.peft_config[adapter_name]).instance_wise

    def _layers(self, adapter_name: str) -> list[Any]:
        return list(lora_layers(self.model, adapter_name).values())

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_rows"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._rows = RowAdapters()

    def _replicate_for_data_parallel(self) -> Any:
        """Refuse `torch.nn.DataParallel`: its replicas' layers would read the weights that the original set."""
        raise RuntimeError("torch.nn.DataParallel cannot run an instance-wise model; use DistributedDataParallel")

    @classmethod
    def _get_adapter_state_dict(
        cls, model: Any, config: Any, adapter_name: str, state_dict: Any, unwanted_adapter_names: Any
    ) -> dict[str, torch.Tensor]:
        """Give an adapter's tensors.

        Raises:
            RuntimeError: if this process has no whole LoRA weights.
        """
        state: dict[str, torch.Tensor] = super()._get_adapter_state_dict(
            model, config, adapter_name, state_dict, unwanted_adapter_names
        )
        storage.check_whole(model, adapter_name, state)
        return state

    @classmethod
    def _remove_adapter_name_from_key(cls, key: str, adapter_name: str) -> str:
        """Name a tensor as it is saved: not as LoRA's, which others would read as a uniform one."""
        of_gate = saved_tensors.name_of_gate_tensor(key, adapter_name)
        return of_gate or storage.saved_name(super()._remove_adapter_name_from_key(key, adapter_name))

    @classmethod
    def _remap_adapter_state_dict_for_load(
        cls, model: Any, config: Any, adapter_name: str, state_dict: dict[str, torch.Tensor]
    ) -> dict[str, torch.Tensor]:
        """Give saved tensors the model's names, after checking that they are all there and of the model's shapes.

        Raises:
            ValueError: if they are not, or they or the settings are not those that were saved.
        """
        saved, state_dict = state_dict, without_digests(state_dict, adapter_name)
        if config.is_of_earlier_format and not saved_tensors.hold_a_gate(state_dict):
            state_dict = saved_tensors.of_earlier_version(state_dict, config.earlier_gate)
        renamed = super()._remap_adapter_state_dict_for_load(model, config, adapter_name, state_dict)
        prefixes = _get_tuner_state_dict_key_prefixes(model, adapter_name=adapter_name)
        expected = _filter_state_dict_by_key_prefixes(model.state_dict(), prefixes)
        storage.compare(expected, renamed, adapter_name)
        check_settings(saved, config, adapter_name)
        gate = saved_tensors.gate_of(model, cls, adapter_name)
        return saved_tensors.fitted_to_gate(renamed, gate, adapter_name, _device_of(model))

    @classmethod
    def _convert_state_dict_for_initial_model(cls, *arguments: Any, **options: Any) -> Any:
        raise ValueError(
            "path_initial_model_for_weight_conversion: expected None: an instance-wise adapter never changes the "
            "weights that it was made on"
        )


def _variants(model: nn.Module) -> Iterator[Any]:
    for module in model.modules():
        yield from getattr(module, "lora_variant", {}).values()


def _device_of(model: nn.Module) -> torch.device:
    """Where a model begins; what is offloaded, or yet to be loaded, is on the meta device, which does not count."""
    devices = (parameter.device for parameter in model.parameters())
    return next((device for device in devices if device.type != "meta"), torch.device("cpu"))
