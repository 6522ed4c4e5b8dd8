"""Pretraining of the embedded backbone: construct, train on the skill tasks, save."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import Dataset
from transformers import LlamaForCausalLM, PreTrainedTokenizerBase

from ilora.adapters.labels import IGNORED_LABEL
from ilora.artifacts.tensors import write_tensors
from ilora.artifacts.writing import atomic_path
from ilora.backbone.architecture import BackboneShape, build_backbone
from ilora.backbone.initialisation import construct
from ilora.backbone.tasks import Difficulty, PretrainingExample, PretrainingText, TaskExamples
from ilora.llm.model.collation import pad_right
from ilora.llm.model.hybrid_model import HybridLanguageModel
from ilora.llm.model.projector import Projector
from ilora.llm.prompts.builder import NO_ITEM, PromptBuilder
from ilora.llm.training.loop import LogRow, LoopSettings, ParameterGroup, Schedule, train

TASK_SHARES = {"choose": 0.60, "recall": 0.24, "prompt": 0.05, "repeat": 0.06, "titles": 0.05}


@dataclass(frozen=True)
class PretrainingSettings:
    """Settings of the embedded backbone's pretraining.

    ``batch_size`` counts full-length prompts; while prompts are short, a batch has up to four times as many.
    ``growth`` is the fraction of the steps over which the difficulty increases to its maximum.
    """

    seed: int
    steps: int
    batch_size: int
    learning_rate: float
    warmup_steps: int
    vector_width: int
    candidates: int = 20
    history: int = 10
    history_correlation: tuple[float, float] = (0.4, 0.95)
    answer_correlation: tuple[float, float] = (0.3, 1.0)
    growth: float = 0.35
    weight_decay: float = 0.05
    shape: BackboneShape = field(default_factory=BackboneShape)


@dataclass(frozen=True)
class PretrainedBackbone:
    """The result of pretraining: model, projector and log."""

    model: LlamaForCausalLM
    projector: Projector
    log: list[LogRow]

    def save(self, folder: Path, tokenizer: PreTrainedTokenizerBase) -> None:
        """Write model and tokenizer in transformers' format, and ``projector.safetensors``, each file atomically."""
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".partial") as temporary:
            self.model.save_pretrained(temporary)
            tokenizer.save_pretrained(temporary)
            write_tensors(self.projector.state_dict(), Path(temporary, "projector.safetensors"))
            for path in sorted(Path(temporary).iterdir()):
                with atomic_path(folder / path.name) as place:
                    path.replace(place)


class _Batches(Dataset[list[PretrainingExample]]):
    """The batches, one item per step, each a pure function of (seed, step)."""

    def __init__(self, tasks: TaskExamples, settings: PretrainingSettings) -> None:
        self._tasks = tasks
        self._settings = settings

    def __len__(self) -> int:
        return self._settings.steps

    def __getitem__(self, step: int) -> list[PretrainingExample]:
        generator = np.random.default_rng([self._settings.seed, step])
        grown = min(1.0, step / (self._settings.growth * self._settings.steps))
        difficulty = _difficulty(self._settings, grown)
        count = round(self._settings.batch_size * min(4.0, 1 / (0.2 + 0.8 * grown)))
        names = generator.choice(list(TASK_SHARES), size=count, p=list(TASK_SHARES.values()))
        return [self._tasks.tasks[name](generator, difficulty) for name in names]


def pretrain(
    builder: PromptBuilder,
    tokenizer: PreTrainedTokenizerBase,
    items: Sequence[int],
    sequences: Sequence[Sequence[int]],
    settings: PretrainingSettings,
) -> PretrainedBackbone:
    """Build the embedded backbone and pretrain it.

    Args:
        builder: builder of the study's prompts.
        tokenizer: tokenizer of the embedded backbone.
        items: ids of the training split's items.
        sequences: item ids of each of its users, oldest first.
        settings: settings of the pretraining.
    """
    text = PretrainingText(
        builder=builder,
        items=items,
        sequences=sequences,
        first_ordinary_token=len(tokenizer.all_special_ids) + 1,
        vocabulary_size=len(tokenizer),
    )
    model = build_backbone(settings.shape, tokenizer)
    projector = Projector(settings.vector_width, settings.shape.hidden_size)
    construct(model, projector, builder.placeholder, settings.seed)
    parameters = list(model.parameters())
    log = train(
        model=HybridLanguageModel(model, projector),
        dataset=_Batches(TaskExamples(text, settings.vector_width), settings),
        collate=_collate,
        groups=[
            ParameterGroup([p for p in parameters if p.ndim > 1], settings.learning_rate, settings.weight_decay),
            ParameterGroup([p for p in parameters if p.ndim == 1], settings.learning_rate),
            ParameterGroup(list(projector.parameters()), settings.learning_rate),
        ],
        settings=LoopSettings(
            "pretraining", Schedule(settings.steps, settings.warmup_steps, floor=0.05), batch_size=1, seed=settings.seed
        ),
    )
    return PretrainedBackbone(model, projector, log)


def _difficulty(settings: PretrainingSettings, grown: float) -> Difficulty:
    easing = min(1.0, 1.5 * grown)
    return Difficulty(
        candidates=round(2 + (settings.candidates - 2) * grown),
        history=round(1 + (settings.history - 1) * grown),
        history_correlation=_eased(settings.history_correlation, easing),
        answer_correlation=_eased(settings.answer_correlation, easing),
        tokens=round(40 + 100 * grown),
    )


def _eased(bounds: tuple[float, float], easing: float) -> tuple[float, float]:
    """Move the bounds of a correlation from (1, 1) to their final values as ``easing`` goes from 0 to 1."""
    return 1 - (1 - bounds[0]) * easing, 1 - (1 - bounds[1]) * easing


def _collate(steps: Sequence[list[PretrainingExample]]) -> dict[str, torch.Tensor]:
    """Collate one step's batch; the examples' vectors are stacked and their indices shifted accordingly."""
    (examples,) = steps
    offsets = np.cumsum([0] + [len(example.vectors) for example in examples])
    behaviour = [
        [NO_ITEM if index == NO_ITEM else index + int(offset) for index in example.behaviour]
        for example, offset in zip(examples, offsets[:-1], strict=True)
    ]
    vectors = np.concatenate([example.vectors for example in examples])
    return {
        "input_ids": pad_right([example.token_ids for example in examples], 0),
        "behaviour": pad_right(behaviour, NO_ITEM),
        "labels": pad_right([example.labels for example in examples], IGNORED_LABEL),
        "behaviour_vectors": torch.from_numpy(vectors).float(),
    }
