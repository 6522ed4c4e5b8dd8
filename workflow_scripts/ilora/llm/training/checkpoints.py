"""Checkpoints of a training, from which a killed run resumes with identical results.

Checkpoints are not artifacts: no rule declares them, and they are removed when the training is complete. Tuned weights
are stored as safetensors; optimizer, schedule and random number generators are stored by transformers' Trainer, which
loads them without running any code in them.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from ilora.artifacts.errors import damaged
from ilora.artifacts.json_files import read_json
from ilora.artifacts.provenance import sha256_of
from ilora.artifacts.tensors import read_tensors, write_tensors
from ilora.artifacts.writing import atomic_path
from ilora.llm.training.processes import is_main_process, wait_for_all

TUNED_FILE = "tuned.safetensors"
_COMPLETE = "complete"


@dataclass(frozen=True)
class Checkpointing:
    """``folder`` is exclusive to one training with its settings and inputs; ``every`` counts optimizer steps."""

    folder: Path
    every: int


def training_key(settings: Mapping[str, object], inputs: Iterable[str]) -> str:
    """Return a key (16 hexadecimal digits) that is unique to a training's settings and inputs.

    Args:
        settings: all settings that determine the training, as JSON values.
        inputs: sha256 of each input file.
    """
    content = json.dumps([dict(settings), list(inputs)], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


class MarkComplete(TrainerCallback):
    """Marks a checkpoint as complete, with the hashes of its files, because a process may die while writing it."""

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object) -> None:
        """Mark the latest checkpoint, to which every process has added the state of its random number generators."""
        wait_for_all()
        if not is_main_process():
            return
        folder = Path(str(args.output_dir), f"{PREFIX_CHECKPOINT_DIR}-{state.global_step}")
        with atomic_path(folder / _COMPLETE) as temporary:
            temporary.write_text(json.dumps(_digests(folder), indent=2) + "\n", encoding="utf-8")


def latest_checkpoint(folder: Path) -> Path | None:
    """Return the latest complete checkpoint in a folder, or None if there is none.

    Raises:
        ilora.artifacts.errors.ArtifactError: if it is damaged.
    """
    complete = {
        int(path.parent.name.rsplit("-", 1)[1]): path.parent
        for path in folder.glob(f"{PREFIX_CHECKPOINT_DIR}-*/{_COMPLETE}")
    }
    if not complete:
        return None
    newest = complete[max(complete)]
    _check_unchanged(newest)
    return newest


def _digests(checkpoint: Path) -> dict[str, str]:
    """Return the sha256 of each file of a checkpoint, except the completion mark, by name."""
    return {path.name: sha256_of(path) for path in sorted(checkpoint.iterdir()) if _COMPLETE not in path.name}


def _check_unchanged(checkpoint: Path) -> None:
    expected, found = read_json(checkpoint / _COMPLETE), _digests(checkpoint)
    for name, digest in expected.items():
        if found.get(name) != digest:
            raise damaged(
                checkpoint / name,
                f"found sha256 {found.get(name, 'of no file')}, expected {digest}, as the training wrote it",
                f"the folder {checkpoint}",
            )


def tuned_state(model: nn.Module) -> dict[str, torch.Tensor]:
    """Return the tensors that training changes: trainable parameters, and buffers (a gate's statistics)."""
    state = model.state_dict()
    trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    buffers = {name for name, _ in model.named_buffers()}
    return {name: tensor for name, tensor in state.items() if name in trained | buffers}


def write_tuned_state(model: nn.Module, folder: Path) -> None:
    """Write `tuned_state` to a checkpoint."""
    write_tensors(tuned_state(model), folder / TUNED_FILE)


def read_tuned_state(model: nn.Module, folder: Path) -> None:
    """Load the tuned state of a checkpoint into the model.

    Raises:
        ilora.artifacts.errors.ArtifactError: if the file is damaged.
        ValueError: if it belongs to another model.
    """
    saved = read_tensors(folder / TUNED_FILE)
    expected = tuned_state(model)
    if {name: tensor.shape for name, tensor in saved.items()} != {
        name: tensor.shape for name, tensor in expected.items()
    }:
        raise ValueError(f"{folder / TUNED_FILE}: belongs to another model; delete {folder.parent} and run again")
    model.load_state_dict(saved, strict=False)
