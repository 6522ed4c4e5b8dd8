"""Instance-wise LoRA as a PEFT tuner, the public API of this package.

The model that PEFT returns accepts the base model's inputs and ``sequence_representations``: z, float (rows, d), one
for each row of the batch.
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

#: Tasks whose PEFT models add the head to ``modules_to_save`` of the caller's settings after the adapter was created.
_HEADED_AFTERWARDS = ("TOKEN_CLS", "QUESTION_ANS")


class InstanceWiseLoraModel(LoraModel):
    """The base model with gated LoRA layers, and a gate for each adapter (Eq. 10-12).

    PEFT creates it as the ``base_model`` of the model that it returns, which forwards attribute access to it.

    Attributes:
        gates: gate of each adapter, by adapter name; a gate maps z to expert weights.
    """

    gates: nn.ModuleDict
    #: Adapters injected into a model that is returned without this tuner would lose their gates.
    uses_shared_state: bool = True

    def __init__(self, model: nn.Module, peft_config: Any, adapter_name: str, **options: Any) -> None:
        if any(isinstance(variant, InstanceWiseVariant) for variant in _variants(model)):
            raise ValueError(
                "the base model already has an instance-wise adapter: add another with add_adapter, or remove it "
                "with unload()"
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
        """Add new LoRA layers with a gate to the base model.

        Raises:
            ValueError: if a targeted layer cannot be gated, the rank is not a multiple of the number of experts, or the
                settings belong to another base model. The model is then unchanged.
        """
        # The caller's settings are not changed: the description of the base model belongs to this model alone.
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
        """The gate of the active adapter."""
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
        """The expert weights that the layers of the active adapter read."""
        return self._open.expert_weights[self._active_name()]

    def forward(self, *arguments: Any, sequence_representations: Any = None, **inputs: Any) -> Any:
        """Run the base model with the gates of ``sequence_representations``.

        Args:
            arguments: positional arguments of the base model; the first argument of a transformers model is the ids.
            sequence_representations: float (rows, d). Not accepted if the gate reads the tokens or nothing (see
                `InstanceWiseConfig.gate_input`); not needed within `gated`.
            inputs: keyword arguments of the base model.

        Raises:
            TypeError: if ``sequence_representations`` is not a tensor.
            ValueError: if ``sequence_representations`` is missing, not accepted, not finite or of another width, or if
                a gate that reads the tokens gets no ``attention_mask`` of their shape.
            RuntimeError: if there is not one sequence representation for each row.
        """
        with self._gates_of(sequence_representations, by_name(arguments, inputs)):
            return self.model(*arguments, **inputs)

    @torch.no_grad()
    def generate(self, *arguments: Any, sequence_representations: Any = None, **inputs: Any) -> Any:
        """Generate as transformers does; all beams and return sequences of a row use the row's gate.

        Arguments and errors are those of `forward`; ``inputs`` also accepts generation options.
        """
        named = by_name(arguments, inputs)
        with (
            in_evaluation(self.gates),
            self._gates_of(sequence_representations, named, copies_of_a_row(named, self.model)),
        ):
            return cast(Any, self.model).generate(*arguments, **inputs)

    @contextmanager
    def gated(self, gate_inputs: torch.Tensor) -> Iterator[None]:
        """Use the gates of these rows for every forward pass of this thread within the context.

        Args:
            gate_inputs: inputs of the gate, float (rows, width).

        Raises:
            TypeError: if ``gate_inputs`` is not a tensor.
            ValueError: if it has another width, or contains NaN or infinity.
        """
        with self._open.all_opened(self.active_adapters, gate_inputs):
            yield

    def constant_gate_inputs(self, rows: int) -> torch.Tensor:
        """Return the inputs of a constant gate: ones, float (rows, 1)."""
        return constant_gate_inputs(rows, self.gate.standardisation.mean.device)

    def set_adapter(self, adapter_name: str | list[str], inference_mode: bool = False) -> None:
        """Set the active adapters; only their gates are trainable, and only outside inference mode."""
        super().set_adapter(adapter_name, inference_mode=inference_mode)
        for name, gate in self.gates.items():
            gate.requires_grad_(name in self.active_adapters and not inference_mode)

    def set_requires_grad(self, adapter_names: str | Sequence[str], requires_grad: bool = True) -> None:
        """Set whether the weights and gates of adapters are trainable."""
        super().set_requires_grad(adapter_names, requires_grad)
        for name in [adapter_names] if isinstance(adapter_names, str) else adapter_names:
            if name in self.gates:
                self.gates[name].requires_grad_(requires_grad)

    def delete_adapter(self, adapter_name: str) -> None:
        """Delete an adapter with its gate."""
        super().delete_adapter(adapter_name)
        self._open.remove(adapter_name)
        # PEFT makes the adapter that takes its place trainable; its gate must follow.
        for name in self.active_adapters:
            self.gates[name].requires_grad_(not self.peft_config[name].inference_mode)

    def activation_checkpointing_enable(
        self, activation_checkpointing_kwargs: Mapping[str, Any] | None = None, **options: Any
    ) -> None:
        """Enable gradient checkpointing such that recomputation uses the gates of its own forward pass.

        Args:
            activation_checkpointing_kwargs: arguments of `torch.utils.checkpoint.checkpoint`.
            options: further arguments of transformers' own method.

        Raises:
            ValueError: if reentrant checkpointing is requested, which would lose the gates.
        """

        def contexts() -> checkpointing.Contexts:
            return self._open.checkpoint_contexts()

        checkpointing.enable(self.model, activation_checkpointing_kwargs, contexts, options)

    def gradient_checkpointing_enable(
        self, gradient_checkpointing_kwargs: Mapping[str, Any] | None = None, **options: Any
    ) -> None:
        """Call `activation_checkpointing_enable`; earlier versions of transformers use this name."""
        self.activation_checkpointing_enable(gradient_checkpointing_kwargs, **options)

    def add_weighted_adapter(
        self, adapters: list[str], weights: list[float], adapter_name: str, *arguments: Any, **options: Any
    ) -> None:
        """Add a weighted combination of adapters with constant gates; the new adapter has a single expert.

        Raises:
            RuntimeError: if the gate of one of the adapters is not constant.
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
        # A singular value decomposition yields at most the layer's width, whatever rank was requested.
        found = {layer.lora_A[adapter_name].weight.shape[0] for layer in self._layers(adapter_name)}
        self._open.expert_weights[adapter_name].ranks |= found

    def merge_adapter(self, adapter_names: list[str] | None = None, safe_merge: bool = False) -> None:
        """Merge the updates of constant gates into the base model's weights.

        Raises:
            RuntimeError: if a gate is not constant.
        """
        self._check_constant(adapter_names)
        super().merge_adapter(adapter_names, safe_merge)

    def export_plain_lora(
        self, folder: str | Path, omega: torch.Tensor | None = None, adapter_name: str | None = None
    ) -> None:
        """Write an ordinary PEFT LoRA that equals this adapter for sequences with the expert weights ``omega``.

        For other sequences the exported LoRA differs from this adapter.

        Args:
            folder: output folder, readable by PEFT and compatible tools as an ordinary LoRA.
            omega: expert weights, float (K,); None for those of a constant gate.
            adapter_name: name of the adapter; None for the active one.

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
        """Return the factors of the experts, equal for all sequences, float (K,): omega times the multiplier.

        Raises:
            RuntimeError: if the gate is not constant.
        """
        return self._open.constant_factors(adapter_name, self._settings_of(adapter_name))

    def _gates_of(self, given: Any, inputs: Mapping[str, Any], copies: int = 1) -> AbstractContextManager[None]:
        """Open the gates of a batch in which each row is repeated ``copies`` times."""
        names = self._rows.names
        if not self._enabled:
            return nullcontext()
        if names is not None:
            return self._mixed(names, given, inputs, copies)
        # Without an active adapter, only the base model runs, as in PEFT. Within `gated`, the gates are already open.
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
        """Open the gates of a batch whose rows use different adapters, or none."""
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
        """Open those gates of the adapters whose input is constant."""
        with ExitStack() as opened:
            for name in adapter_names:
                if self._settings_of(name).gate_input == "constant":
                    opened.enter_context(self._open.opened_for_all(name))
            yield

    @contextmanager
    def _enable_peft_forward_hooks(self, *arguments: Any, **inputs: Any) -> Iterator[None]:
        names = inputs.get("adapter_names")
        adapters = self.active_adapters if names is None else rows_by_adapter(names)
        # Without a task, PEFT's model calls the base model directly, bypassing this tuner.
        past = [name for name in adapters if name in self.peft_config and self.peft_config[name].task_type is None]
        with (
            super()._enable_peft_forward_hooks(*arguments, **inputs),
            self._rows.set(names),
            self._constant_opened(past),
        ):
            yield

    def _enable_adapter_layers(self, enabled: bool = True) -> None:
        if self._enabled and not enabled:  # like PEFT's layers, disabled gates are not trained
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
        """Refuse the layers that PEFT refuses for LoRA, which it recognises by its type."""
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
            raise RuntimeError("no adapter is active: set one with set_adapter")
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
        """Refuse `torch.nn.DataParallel`: the layers of its replicas would read the original's expert weights."""
        raise RuntimeError("torch.nn.DataParallel cannot run an instance-wise model; use DistributedDataParallel")

    @classmethod
    def _get_adapter_state_dict(
        cls, model: Any, config: Any, adapter_name: str, state_dict: Any, unwanted_adapter_names: Any
    ) -> dict[str, torch.Tensor]:
        """Return an adapter's tensors.

        Raises:
            RuntimeError: if this process does not hold the complete LoRA weights.
        """
        state: dict[str, torch.Tensor] = super()._get_adapter_state_dict(
            model, config, adapter_name, state_dict, unwanted_adapter_names
        )
        storage.check_whole(model, adapter_name, state)
        return state

    @classmethod
    def _remove_adapter_name_from_key(cls, key: str, adapter_name: str) -> str:
        """Return the saved name of a tensor; it differs from LoRA's, which others would read as uniform LoRA."""
        of_gate = saved_tensors.name_of_gate_tensor(key, adapter_name)
        return of_gate or storage.saved_name(super()._remove_adapter_name_from_key(key, adapter_name))

    @classmethod
    def _remap_adapter_state_dict_for_load(
        cls, model: Any, config: Any, adapter_name: str, state_dict: dict[str, torch.Tensor]
    ) -> dict[str, torch.Tensor]:
        """Rename saved tensors to the model's names, after checking that they are complete and have its shapes.

        Raises:
            ValueError: if a tensor is missing or has another shape, or weights or settings do not match their digests.
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
            "path_initial_model_for_weight_conversion: expected None: an instance-wise adapter never changes "
            "the weights of its base model"
        )


def _variants(model: nn.Module) -> Iterator[Any]:
    for module in model.modules():
        yield from getattr(module, "lora_variant", {}).values()


def _device_of(model: nn.Module) -> torch.device:
    """Return the device of the first parameter that is not on the meta device (offloaded, or not yet loaded)."""
    devices = (parameter.device for parameter in model.parameters())
    return next((device for device in devices if device.type != "meta"), torch.device("cpu"))
