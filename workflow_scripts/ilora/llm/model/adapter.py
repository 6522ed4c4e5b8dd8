"""Attaching a new adapter to a backbone, and saving and loading tuned adapters."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from torch import nn

from ilora.adapters import InstanceWiseConfig, get_instance_wise_model, storage
from ilora.artifacts.json_files import read_json
from ilora.artifacts.records import check_folder
from ilora.artifacts.tensors import read_tensors, write_tensors
from ilora.artifacts.writing import atomic_path
from ilora.configuration.sections.finetuning_values import AdapterValues
from ilora.configuration.tuning import AdapterShape
from ilora.llm.model.hybrid_model import HybridLanguageModel
from ilora.llm.model.projector import Projector, load_projector
from ilora.llm.model.rank_update import add_updates_at_once

SETTINGS_FILE, PROJECTOR_FILE = "ilora.json", "projector.safetensors"


def attach_adapter(
    causal_model: Any,
    projector: Projector | None,
    item_vectors: torch.Tensor | None,
    shape: AdapterShape,
    gate_input_width: int,
    seed: int,
) -> HybridLanguageModel:
    """Add new LoRA layers to a causal model and, for iLoRA, a gate whose statistics are yet to be fitted.

    Args:
        causal_model: frozen model; changed in place.
        projector: projector to tune; None for text-only prompts.
        item_vectors: float (items, d), as prepared by `ilora.llm.model.item_vectors`; None for text-only prompts.
        shape: shape of the adapter.
        gate_input_width: width of the gate input.
        seed: random seed of the initial weights of LoRA and the gate.

    Raises:
        ValueError: if the model lacks some of the target layers; PEFT would silently adapt only the others.
    """
    values = shape.values
    _check_target_modules(causal_model, values.target_modules)
    torch.manual_seed(seed)
    lora = LoraConfig(
        r=values.r,
        lora_alpha=values.lora_alpha,  # type: ignore[arg-type]  # PEFT declares int and divides it as a float
        lora_dropout=values.lora_dropout,
        target_modules=list(values.target_modules),
        task_type="CAUSAL_LM",
    )
    adapted: nn.Module
    if shape.experts is None:
        adapted = get_peft_model(causal_model, lora)
    else:
        gate = InstanceWiseConfig(
            experts=shape.experts,
            width=gate_input_width,
            gate=values.gate,
            active_experts=values.active_experts,
            gate_input=values.gate_input,
            scale=values.scale,
        )
        adapted = get_instance_wise_model(causal_model, lora, gate)
    add_updates_at_once(adapted.modules())
    return HybridLanguageModel(adapted, projector, item_vectors).to(causal_model.device)


def _check_target_modules(causal_model: Any, target_modules: Sequence[str]) -> None:
    named = dict(causal_model.named_modules())
    missing = [name for name in target_modules if not any(f".{path}".endswith(f".{name}") for path in named)]
    if missing:
        head = causal_model.get_output_embeddings()
        layers = {
            path.rsplit(".", 1)[-1]: None
            for path, module in named.items()
            if isinstance(module, nn.Linear) and module is not head
        }
        raise ValueError(
            f"finetuning.target_modules: found {', '.join(missing)}, which {type(causal_model).__name__} does not "
            f"have; its linear layers are {', '.join(layers)}"
        )


def save_adapter(model: HybridLanguageModel, shape: AdapterShape, folder: Path) -> None:
    """Write the adapter in PEFT's format, the projector and the shape."""
    assert isinstance(model.language_model, PeftModel)
    storage.write_adapter(model.language_model, folder)
    if model.projector is not None:
        write_tensors(model.projector.state_dict(), folder / PROJECTOR_FILE)
    with atomic_path(folder / SETTINGS_FILE) as temporary:
        temporary.write_text(json.dumps(shape.plain(), indent=2) + "\n", encoding="utf-8")


def load_adapter(
    causal_model: Any, item_vectors: torch.Tensor | None, shape: AdapterShape, folder: Path
) -> HybridLanguageModel:
    """Load a saved adapter into a causal model, which is changed in place, for inference.

    ``item_vectors`` are the projector's inputs; None for text-only prompts.

    Raises:
        FileNotFoundError: if a file is missing.
        ValueError: if the saved adapter has other settings, or does not fit the model.
        ilora.artifacts.errors.ArtifactError: if a file is damaged.
    """
    check_folder(folder)
    _check_shape(shape, folder)
    path = folder / storage.LORA_FILE
    settings, weights = storage.read_settings(folder), read_tensors(path)
    adapted = get_peft_model(causal_model, settings)
    assert isinstance(adapted, PeftModel)
    storage.load_weights(adapted, weights, path)
    projector = None if shape.item_vectors is None else load_projector(folder / PROJECTOR_FILE)
    model = HybridLanguageModel(adapted, projector, item_vectors).to(causal_model.device)
    return model.requires_grad_(False).eval()


def _check_shape(shape: AdapterShape, folder: Path) -> None:
    # Adapters of earlier versions have earlier names.
    saved = {AdapterValues.RENAMED.get(key, key): value for key, value in read_json(folder / SETTINGS_FILE).items()}
    expected = shape.plain()
    if saved != expected:
        different = sorted(key for key in expected.keys() | saved if saved.get(key) != expected.get(key))
        found, wanted = ({key: values.get(key) for key in different} for values in (saved, expected))
        raise ValueError(
            f"{folder}: the adapter was made with other settings ({', '.join(different)}): found {found}, expected "
            f"{wanted}. Delete the folder and run the workflow again."
        )
