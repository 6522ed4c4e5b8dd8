"""Tuning one model on synthetic users with one method, and counting its hits."""

import copy
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset
from transformers import LlamaForCausalLM

from ilora.llm.model.hybrid_model import HybridLanguageModel
from ilora.llm.training.loop import Hooks, LoopSettings, ParameterGroup, Schedule, train
from ilora.negative_transfer.batches import batch_of, the_batch
from ilora.negative_transfer.groups import GroupInPrompt, Sequences, SyntheticGroups, draw_sequences
from ilora.negative_transfer.methods import AdapterShape, Method, adapt
from ilora.negative_transfer.vocabulary import Vocabulary

# Purposes of derived seeds.
TRAINING, TEST, STATISTICS, SHUFFLING, GRADIENTS = range(5)

#: Number of sequences for a gate's statistics.
_STATISTICS_SEQUENCES = 4000


@dataclass(frozen=True)
class SyntheticTuning:
    """Settings of every method's tuning; hits are counted after each of ``steps``, the last of which ends training."""

    shape: AdapterShape
    history: int
    steps: tuple[int, ...]
    batch_size: int
    learning_rate: float
    test_sequences: int
    seed: int


@dataclass(frozen=True)
class Task:
    """The task to learn: the next items of users, with or without their group in the prompt."""

    users: SyntheticGroups
    group_in_prompt: GroupInPrompt

    @property
    def vocabulary(self) -> Vocabulary:
        """The vocabulary of items and groups."""
        return Vocabulary(self.users.items, self.users.groups)


class TrainingBatches(Dataset[dict[str, torch.Tensor]]):
    """The batches, one per step, as a pure function of (seed, step), with the same sequences for every method.

    Args:
        task: task to learn.
        method: method, which determines the gate inputs.
        settings: settings of the tuning.
        group: group whose sequences are kept; None for all.
    """

    def __init__(self, task: Task, method: Method, settings: SyntheticTuning, group: int | None) -> None:
        self._task = task
        self._method = method
        self._settings = settings
        self._group = group

    def __len__(self) -> int:
        return self._settings.steps[-1]

    def __getitem__(self, step: int) -> dict[str, torch.Tensor]:
        settings = self._settings
        generator = np.random.default_rng([settings.seed, TRAINING, step])
        sequences = draw_sequences(self._task.users, settings.batch_size, settings.history, generator)
        sequences = of_group(sequences, self._group)
        shuffling = np.random.default_rng([settings.seed, SHUFFLING, step])
        return inputs_of(sequences, self._task, self._method, shuffling)


def of_group(sequences: Sequences, group: int | None) -> Sequences:
    """Return the sequences of one group, or all if it is None."""
    return sequences if group is None else sequences.rows(sequences.groups == group)


def inputs_of(
    sequences: Sequences, task: Task, method: Method, generator: np.random.Generator
) -> dict[str, torch.Tensor]:
    """Return the arguments of the model's forward pass, with the target as the answer."""
    prompts = task.vocabulary.prompts(sequences, task.group_in_prompt)
    batch = batch_of(np.concatenate([prompts, sequences.targets[:, None]], axis=1), answers=1)
    if method.gate_inputs is not None:
        batch["gate_inputs"] = torch.from_numpy(method.gate_inputs(sequences, generator))
    return batch


def tuned_hits(
    backbone: LlamaForCausalLM, task: Task, method: Method, settings: SyntheticTuning
) -> dict[int, NDArray[np.bool_]]:
    """Tune a copy of the backbone (or one for each group) and return its hits on the test sequences.

    Args:
        backbone: frozen backbone, which is not changed.
        task: task to learn.
        method: method of adaptation.
        settings: settings of the tuning.

    Returns:
        For each of ``settings.steps``, whether the most likely of all items is the target, bool [test sequences].
    """
    generator = np.random.default_rng([settings.seed, TEST])
    test = draw_sequences(task.users, settings.test_sequences, settings.history, generator)
    if not method.by_group:
        return _tuned_hits(backbone, task, method, settings, None, test)
    hits = {step: np.zeros(settings.test_sequences, dtype=bool) for step in settings.steps}
    for group in range(task.users.groups):
        for step, of_one in _tuned_hits(backbone, task, method, settings, group, test).items():
            hits[step][test.groups == group] = of_one
    return hits


def _tuned_hits(
    backbone: LlamaForCausalLM,
    task: Task,
    method: Method,
    settings: SyntheticTuning,
    group: int | None,
    test: Sequences,
) -> dict[int, NDArray[np.bool_]]:
    """Return the hits of one model on the test sequences of its group."""
    shuffling = np.random.default_rng([settings.seed, TEST, SHUFFLING])
    batch = inputs_of(of_group(test, group), task, method, shuffling)
    model = fresh_model(backbone, task, method, settings)
    hits = {}

    def count_hits(step: int) -> None:
        hits[step] = _hits(model, batch, task.users.items)

    tune(model, TrainingBatches(task, method, settings, group), settings, count_hits)
    return hits


def fresh_model(
    backbone: LlamaForCausalLM, task: Task, method: Method, settings: SyntheticTuning
) -> HybridLanguageModel:
    """Return a copy of the backbone with the method's untuned adapter."""
    generator = np.random.default_rng([settings.seed, STATISTICS])
    statistics = draw_sequences(task.users, _STATISTICS_SEQUENCES, settings.history, generator)
    return adapt(copy.deepcopy(backbone), method, settings.shape, statistics, settings.seed)


def tune(
    model: HybridLanguageModel,
    batches: TrainingBatches,
    settings: SyntheticTuning,
    take_snapshot: Callable[[int], None],
) -> None:
    """Tune adapter and gate in place; ``take_snapshot(step)`` is called after each of ``settings.steps``."""
    train(
        model=model,
        dataset=batches,
        collate=the_batch,
        groups=[ParameterGroup([one for one in model.parameters() if one.requires_grad], settings.learning_rate)],
        settings=LoopSettings(
            "tuning on synthetic users",
            Schedule(settings.steps[-1], settings.steps[-1] // 20),
            batch_size=1,
            seed=settings.seed,
        ),
        hooks=Hooks(snapshots=settings.steps, take_snapshot=take_snapshot),
    )


def _hits(model: HybridLanguageModel, batch: dict[str, torch.Tensor], items: int) -> NDArray[np.bool_]:
    """Return whether the last token of each row is the item with the highest score."""
    return item_scores(model, batch, items).argmax(axis=1) == batch["input_ids"][:, -1].numpy()


@torch.no_grad()
def item_scores(model: HybridLanguageModel, batch: dict[str, torch.Tensor], items: int) -> NDArray[np.float32]:
    """Return the logits of each item after each prompt, float32 [rows, items].

    Args:
        model: model, whose mode is restored.
        batch: batch from `inputs_of`, on the CPU; its answers are not used.
        items: number of items, whose tokens come first in the vocabulary.
    """
    was_training = model.training
    model.eval()
    batch = {name: tensor.to(model.causal_model.device) for name, tensor in batch.items()}
    prompts = batch["input_ids"][:, :-1]
    embeddings = model.embed(prompts, batch["behaviour"][:, :-1])
    with model.gated(batch.get("gate_inputs"), embeddings, torch.ones_like(prompts, dtype=torch.bool)):
        scores = model.causal_model(inputs_embeds=embeddings, use_cache=False).logits[:, -1, :items]
    model.train(was_training)
    return scores.float().cpu().numpy()
