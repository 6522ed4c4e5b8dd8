"""Attaching a fresh adapter to a backbone, and saving and loading what fine-tuning made."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict

from ilora.adapters import ExpertWeights, Gate, build_gate, gate_lora_layers
from ilora.adapters.gate import GateKind
from ilora.adapters.gating import Scale
from ilora.artifacts.tensors import read_tensors, write_tensors
from ilora.llm.hybrid_model import HybridLanguageModel
from ilora.llm.item_vectors import Preparation
from ilora.llm.projector import Projector

INSTANCE_WISE_TYPE = "ILORA"
"""What `adapter_config.json` of a gated adapter names as its type; PEFT knows no such type."""


@dataclass(frozen=True)
class AdapterSettings:
    """Shape of an adapter. ``experts`` is None for uniform LoRA (LLaRA) and K for instance-wise LoRA (iLoRA)."""

    rank: int
    alpha: float
    dropout: float
    target_modules: tuple[str, ...]
    experts: int | None
    gate: GateKind
    scale: Scale
    item_vectors: Preparation


def adapter_settings(finetuning: Mapping[str, Any], method: str) -> AdapterSettings:
    """Give the adapter of a method (llara, ilora) as the study's `finetuning` section shapes it."""
    return AdapterSettings(
        rank=finetuning["rank"],
        alpha=finetuning["alpha"],
        dropout=finetuning["dropout"],
        target_modules=tuple(finetuning["target_modules"]),
        experts=finetuning["experts"] if method == "ilora" else None,
        gate=finetuning["gate"],
        scale=finetuning["scale"],
        item_vectors=finetuning["item_vectors"],
    )


def attach_adapter(
    causal_model: Any,
    projector: Projector,
    item_vectors: torch.Tensor,
    training_representations: torch.Tensor,
    settings: AdapterSettings,
    seed: int,
) -> HybridLanguageModel:
    """Put fresh LoRA layers into a causal model and, for iLoRA, a gate before them.

    Args:
        causal_model: frozen; changed in place.
        projector: to be tuned.
        item_vectors: float (items, d), as `ilora.llm.item_vectors` prepares them.
        training_representations: float (sequences, d) of the training split, for the gate's standardisation.
        settings: of the adapter.
        seed: of LoRA's and the gate's initial weights.
    """
    torch.manual_seed(seed)
    language_model = get_peft_model(
        causal_model,
        LoraConfig(
            r=settings.rank,
            lora_alpha=settings.alpha,  # type: ignore[arg-type]  # PEFT declares int and divides it as a float
            lora_dropout=settings.dropout,
            target_modules=list(settings.target_modules),
            task_type="CAUSAL_LM",
        ),
    )
    gate, expert_weights = None, None
    if settings.experts is not None:
        expert_weights = ExpertWeights(settings.rank, settings.experts, settings.scale)
        gate_lora_layers(language_model, expert_weights)
        gate = build_gate(settings.gate, training_representations.shape[1], settings.experts)
        gate.standardisation.fit(training_representations)
    model = HybridLanguageModel(
        language_model,
        projector,
        item_vectors,
        gate,
        expert_weights,
    )
    return model.to(causal_model.device)


def save_adapter(model: HybridLanguageModel, settings: AdapterSettings, folder: Path) -> None:
    """Write PEFT's adapter files, ``projector.safetensors``, ``gate.safetensors`` and ``ilora.json``."""
    assert isinstance(model.language_model, PeftModel) and model.projector is not None
    model.language_model.save_pretrained(str(folder))
    (folder / "README.md").unlink(missing_ok=True)  # PEFT's empty model card
    _settle_configuration(folder / "adapter_config.json", gated=model.gate is not None)
    write_tensors(model.projector.state_dict(), folder / "projector.safetensors")
    if model.gate is not None:
        write_tensors(model.gate.state_dict(), folder / "gate.safetensors")
    (folder / "ilora.json").write_text(json.dumps(asdict(settings), indent=2) + "\n")


def load_adapter(model: HybridLanguageModel, settings: AdapterSettings, folder: Path) -> None:
    """Put saved weights into a model that `attach_adapter` made with the same settings.

    Raises:
        ValueError: if the folder's adapter has other settings or lacks the gate.
        ilora.artifacts.errors.ArtifactError: if a file is damaged.
    """
    saved = json.loads((folder / "ilora.json").read_text())
    expected = json.loads(json.dumps(asdict(settings)))
    if saved != expected:
        different = sorted(key for key in expected if saved.get(key) != expected[key])
        raise ValueError(
            f"{folder}: the adapter was made with other settings ({', '.join(different)}): "
            "delete the folder and rerun the workflow"
        )
    assert isinstance(model.language_model, PeftModel) and model.projector is not None
    _load_lora(model.language_model, folder)
    model.projector.load_state_dict(read_tensors(folder / "projector.safetensors"))
    if model.gate is not None:
        model.gate.load_state_dict(read_tensors(folder / "gate.safetensors"))


def load_gate(folder: Path) -> Gate:
    """Read the gate of a saved instance-wise adapter, in evaluation mode, without its backbone.

    Raises:
        ilora.artifacts.errors.ArtifactError: if a file is damaged.
    """
    saved = json.loads((folder / "ilora.json").read_text())
    state = read_tensors(folder / "gate.safetensors")
    gate = build_gate(saved["gate"], len(state["standardisation.mean"]), saved["experts"])
    gate.load_state_dict(state)
    return gate.eval()


def _load_lora(language_model: PeftModel, folder: Path) -> None:
    saved = read_tensors(folder / "adapter_model.safetensors")
    expected = set(get_peft_model_state_dict(language_model))
    if set(saved) != expected:
        raise ValueError(
            f"{folder}: the adapter does not fit this backbone; missing {sorted(expected - set(saved))[:3]}, "
            f"unexpected {sorted(set(saved) - expected)[:3]}"
        )
    set_peft_model_state_dict(language_model, saved)


def _settle_configuration(path: Path, gated: bool) -> None:
    """Make the same adapter the same bytes: PEFT notes where the backbone lay, and its modules in a set's order.

    A gated adapter gets a type of its own: plain PEFT then refuses it, instead of reading it as uniform LoRA.
    """
    content = json.loads(path.read_text())
    content["peft_type"] = INSTANCE_WISE_TYPE if gated else content["peft_type"]
    content["base_model_name_or_path"] = None
    content["target_modules"] = sorted(content["target_modules"])
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n")
