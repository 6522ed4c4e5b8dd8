"""Attaching a fresh adapter to a backbone, and saving and loading what fine-tuning made."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from torch import nn

from ilora.adapters import InstanceWiseConfig, InstanceWiseModel, get_instance_wise_model, storage
from ilora.adapters.config import GateKind, Guidance, Scale
from ilora.artifacts.json_files import read_json
from ilora.artifacts.records import check_folder
from ilora.artifacts.tensors import read_tensors, write_tensors
from ilora.artifacts.writing import atomic_path
from ilora.llm.model.hybrid_model import HybridLanguageModel
from ilora.llm.model.item_vectors import Preparation
from ilora.llm.model.projector import Projector, load_projector
from ilora.methods.declaration import AdapterKind, PromptKind

SETTINGS_FILE, PROJECTOR_FILE = "ilora.json", "projector.safetensors"


@dataclass(frozen=True)
class AdapterSettings:
    """Shape of an adapter.

    ``experts`` is None for uniform LoRA and K for instance-wise LoRA; ``item_vectors`` is None where prompts are text
    alone, which need no projector.
    """

    rank: int
    alpha: float
    dropout: float
    target_modules: tuple[str, ...]
    experts: int | None
    gate: GateKind
    active_experts: int | None
    guidance: Guidance
    scale: Scale
    item_vectors: Preparation | None


def adapter_settings(finetuning: Mapping[str, Any], prompt: PromptKind, adapter: AdapterKind) -> AdapterSettings:
    """Give the adapter of a method that is tuned, as the study's `finetuning` section shapes it.

    Args:
        finetuning: the section, as it is for the method.
        prompt: kind of the method's prompts.
        adapter: kind of its adapter, ``uniform`` or ``instance_wise``.
    """
    return AdapterSettings(
        rank=finetuning["r"],
        alpha=finetuning["lora_alpha"],
        dropout=finetuning["lora_dropout"],
        target_modules=tuple(finetuning["target_modules"]),
        experts=finetuning["experts"] if adapter == "instance_wise" else None,
        gate=finetuning["gate"],
        active_experts=finetuning["active_experts"],
        guidance=finetuning["gate_input"],
        scale=finetuning["scale"],
        item_vectors=finetuning["item_vectors"] if prompt == "hybrid" else None,
    )


def attach_adapter(
    causal_model: Any,
    projector: Projector | None,
    item_vectors: torch.Tensor | None,
    settings: AdapterSettings,
    guidance_width: int,
    seed: int,
) -> HybridLanguageModel:
    """Put fresh LoRA layers into a causal model and, for iLoRA, a gate before them, yet to be given its statistics.

    Args:
        causal_model: frozen; changed in place.
        projector: to be tuned; None for text alone.
        item_vectors: float (items, d), as `ilora.llm.model.item_vectors` prepares them; None for text alone.
        settings: of the adapter.
        guidance_width: size of what the gate reads.
        seed: of LoRA's and the gate's initial weights.

    Raises:
        ValueError: if the model lacks some of the layers that are to be adapted, of which PEFT would take the others.
    """
    _check_target_modules(causal_model, settings.target_modules)
    torch.manual_seed(seed)
    lora = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,  # type: ignore[arg-type]  # PEFT declares int and divides it as a float
        lora_dropout=settings.dropout,
        target_modules=list(settings.target_modules),
        task_type="CAUSAL_LM",
    )
    adapted: nn.Module
    if settings.experts is None:
        adapted = get_peft_model(causal_model, lora)
    else:
        gate = InstanceWiseConfig(
            experts=settings.experts,
            width=guidance_width,
            gate=settings.gate,
            active_experts=settings.active_experts,
            guidance=settings.guidance,
            scale=settings.scale,
        )
        adapted = get_instance_wise_model(causal_model, lora, gate)
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


def save_adapter(model: HybridLanguageModel, settings: AdapterSettings, folder: Path) -> None:
    """Write the adapter's files (uniform LoRA as PEFT does, gated as `ilora.adapters` does), projector and settings."""
    if model.instance_wise is not None:
        model.instance_wise.save_pretrained(folder)
    else:
        assert isinstance(model.language_model, PeftModel)
        storage.write_plain_lora(model.language_model, folder)
    if model.projector is not None:
        write_tensors(model.projector.state_dict(), folder / PROJECTOR_FILE)
    with atomic_path(folder / SETTINGS_FILE) as temporary:
        temporary.write_text(json.dumps(asdict(settings), indent=2) + "\n", encoding="utf-8")


def load_adapter(
    causal_model: Any, item_vectors: torch.Tensor | None, settings: AdapterSettings, folder: Path
) -> HybridLanguageModel:
    """Read a saved adapter into a causal model (changed in place), for answering.

    ``item_vectors`` is what the projector reads; None for text alone.

    Raises:
        FileNotFoundError: if a file is missing.
        ValueError: if the folder's adapter has other settings, or does not fit the model.
        ilora.artifacts.errors.ArtifactError: if a file is damaged.
    """
    check_folder(folder)
    _check_settings(settings, folder)
    adapted: PeftModel | InstanceWiseModel
    if settings.experts is None:
        weights = folder / storage.LORA_FILE
        adapted = cast(PeftModel, get_peft_model(causal_model, LoraConfig.from_pretrained(str(folder))))
        storage.load_lora(adapted, read_tensors(weights), weights)
    else:
        adapted = InstanceWiseModel.from_pretrained(causal_model, folder)
    projector = None if settings.item_vectors is None else load_projector(folder / PROJECTOR_FILE)
    model = HybridLanguageModel(adapted, projector, item_vectors).to(causal_model.device)
    return model.requires_grad_(False).eval()


def _check_settings(settings: AdapterSettings, folder: Path) -> None:
    saved = read_json(folder / SETTINGS_FILE)
    expected = json.loads(json.dumps(asdict(settings)))
    if saved != expected:
        different = sorted(key for key in expected.keys() | saved if saved.get(key) != expected.get(key))
        found, wanted = ({key: values.get(key) for key in different} for values in (saved, expected))
        raise ValueError(
            f"{folder}: the adapter was made with other settings ({', '.join(different)}): found {found}, expected "
            f"{wanted}. Delete the folder and run the workflow again."
        )
