"""Similarity of a uniform LoRA's gradients between groups, early in training."""

import dataclasses
import logging

import numpy as np
from numpy.typing import NDArray
from transformers import LlamaForCausalLM

from ilora.analysis.gradient_averages import average_modules, modules_of
from ilora.analysis.gradient_grams import Grams
from ilora.analysis.gradient_similarity import noise_ceiling
from ilora.analysis.gradients import gradient_grams, make_adapter_differentiable
from ilora.llm.model.collation import TrainingExample
from ilora.negative_transfer.groups import draw_sequences
from ilora.negative_transfer.methods import METHODS
from ilora.negative_transfer.tuning import (
    GRADIENTS,
    SyntheticTuning,
    Task,
    TrainingBatches,
    fresh_model,
    inputs_of,
    tune,
)
from ilora.progress import Progress


@dataclasses.dataclass(frozen=True)
class GradientSettings:
    """The step after which gradients are computed, and the blocks of sequences of each group."""

    step: int = 20
    blocks: int = 8
    sequences_per_block: int = 32


@dataclasses.dataclass(frozen=True)
class GradientSimilarity:
    """Cosines of the groups' gradients, averaged over modules.

    Attributes:
        similarity: mean cosine between two groups, over all pairs.
        noise_ceiling: mean cosine between two samples of one group, over groups.
    """

    similarity: float
    noise_ceiling: float


def group_similarity(
    backbone: LlamaForCausalLM,
    task: Task,
    settings: SyntheticTuning,
    gradients: GradientSettings,
    logger: logging.Logger,
) -> GradientSimilarity:
    """Tune a uniform LoRA for a few steps and compare its gradients on the groups.

    Args:
        backbone: frozen backbone, which is not changed.
        task: task to learn.
        settings: settings of the tuning, of which only the first steps are run.
        gradients: settings of the comparison.
        logger: logger for progress.
    """
    method = METHODS["uniform"]
    model = fresh_model(backbone, task, method, settings)
    shorter = dataclasses.replace(settings, steps=(gradients.step,))
    tune(model, TrainingBatches(task, method, shorter, None), shorter, lambda step: None)
    make_adapter_differentiable(model)
    examples, sequence_ids = _blocks(task, settings, gradients)
    with Progress(len(sequence_ids), "gradients on synthetic users", logger) as progress:
        grams = gradient_grams(
            model, lambda row: examples[row], sequence_ids, 0, gradients.sequences_per_block, progress
        )
    shape = (task.users.groups, gradients.blocks) * 2
    groups = np.arange(task.users.groups, dtype=np.int32)
    averages = average_modules(modules_of(Grams(groups, {name: gram.reshape(shape) for name, gram in grams.items()})))
    first, second = np.triu_indices(task.users.groups, k=1)
    cosines = averages.cosine.reshape(task.users.groups, task.users.groups)
    return GradientSimilarity(
        similarity=float(cosines[first, second].mean()),
        noise_ceiling=float(noise_ceiling(np.asarray(averages.halves.mean()))),
    )


def _blocks(
    task: Task, settings: SyntheticTuning, gradients: GradientSettings
) -> tuple[list[TrainingExample], NDArray[np.int64]]:
    """Draw new sequences; return them and the sequence ids of each block, int64 [groups x blocks, sequences]."""
    groups, per_group = task.users.groups, gradients.blocks * gradients.sequences_per_block
    generator = np.random.default_rng([settings.seed, GRADIENTS])
    sequences = draw_sequences(task.users, groups * per_group, settings.history, generator)
    batch = inputs_of(sequences, task, METHODS["uniform"], generator)
    rows = zip(batch["input_ids"].tolist(), batch["behaviour"].tolist(), batch["labels"].tolist(), strict=True)
    examples = [TrainingExample(tokens, behaviour, labels) for tokens, behaviour, labels in rows]
    by_group = np.argsort(sequences.groups, kind="stable")
    return examples, by_group.reshape(groups * gradients.blocks, gradients.sequences_per_block)
