"""Fine-tuning on hybrid prompts: LLaRA with uniform LoRA, iLoRA with instance-wise LoRA, on one path."""

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from ilora.data.candidates import draw_candidates
from ilora.data.sequences import SequenceTable
from ilora.llm.collation import Collator, TrainingExample
from ilora.llm.hybrid_model import IGNORED_LABEL, HybridLanguageModel
from ilora.llm.prompts import NO_ITEM, PromptBuilder
from ilora.llm.training import LogRow, LoopSettings, ParameterGroup, Precision, Schedule, train


@dataclass(frozen=True)
class FineTuningSettings:
    """How an adapter is tuned.

    ``steps`` counts optimizer steps of ``batch_size`` sequences, each computed in ``gradient_accumulation`` parts.
    ``curriculum`` is LLaRA's: with probability 1 - step/steps a batch has placeholders for behaviour tokens.
    """

    seed: int
    steps: int
    batch_size: int
    gradient_accumulation: int
    warmup_fraction: float
    learning_rate: float
    projector_learning_rate: float
    gate_learning_rate: float
    curriculum: bool
    precision: Precision
    snapshots: tuple[int, ...]


def fine_tuning_settings(
    finetuning: Mapping[str, Any], precision: Precision, seed: int, training_sequences: int
) -> FineTuningSettings:
    """Read the study's `finetuning` section; a number of epochs becomes a number of steps.

    Raises:
        ValueError: if a snapshot lies beyond the last step.
    """
    batch_size = finetuning["batch_size"]
    steps = finetuning["steps"] or math.ceil(finetuning["epochs"] * training_sequences / batch_size)
    late = [step for step in finetuning["snapshots"] if step > steps]
    if late:
        raise ValueError(f"finetuning.snapshots: found {late}, expected steps up to the last one, {steps}")
    return FineTuningSettings(
        seed=seed,
        steps=steps,
        batch_size=batch_size,
        gradient_accumulation=finetuning["gradient_accumulation"],
        warmup_fraction=finetuning["warmup_fraction"],
        learning_rate=finetuning["learning_rate"],
        projector_learning_rate=finetuning["projector_learning_rate"],
        gate_learning_rate=finetuning["gate_learning_rate"],
        curriculum=finetuning["curriculum"],
        precision=precision,
        snapshots=tuple(finetuning["snapshots"]),
    )


class FineTuningExamples(Dataset[TrainingExample]):
    """The examples in the order in which training meets them, a pure function of (seed, position).

    Each pass over the training sequences has an order and candidate sets of its own, drawn as the frozen sets of the
    other splits are.

    Args:
        sequences: all sequences; the training split is used.
        builder: writes prompts and answers.
        representations: z of every sequence, float32 (sequences, d).
        candidates: size of a candidate set.
        candidate_seed: of the candidate sets.
        settings: of the fine-tuning.
    """

    def __init__(
        self,
        sequences: SequenceTable,
        builder: PromptBuilder,
        representations: np.ndarray,
        candidates: int,
        candidate_seed: int,
        settings: FineTuningSettings,
    ) -> None:
        self._sequences = sequences
        self._builder = builder
        self._representations = representations
        self._candidates = candidates
        self._candidate_seed = candidate_seed
        self._settings = settings
        self._training_rows = sequences.rows("train")
        passes = math.ceil(len(self) / len(self._training_rows))
        self._orders = [
            np.random.default_rng([settings.seed, number]).permutation(self._training_rows) for number in range(passes)
        ]

    def __len__(self) -> int:
        return self._settings.steps * self._settings.batch_size

    def __getitem__(self, position: int) -> TrainingExample:
        number, place = divmod(position, len(self._training_rows))
        sequence_id = int(self._orders[number][place])
        history = self._sequences.histories[sequence_id]
        target = int(self._sequences.targets[sequence_id])
        candidates = draw_candidates(
            self._sequences.keys[sequence_id],
            number,
            history,
            target,
            number_of_items=self._sequences.number_of_items,
            size=self._candidates,
            seed=self._candidate_seed,
        )
        prompt = self._builder.prompt(history, candidates)
        answer = self._builder.answer(target)
        text_only = self._settings.curriculum and self._is_text_only(position)
        behaviour = [NO_ITEM] * len(prompt.behaviour) if text_only else prompt.behaviour
        return TrainingExample(
            token_ids=prompt.token_ids + answer,
            behaviour=behaviour + [NO_ITEM] * len(answer),
            labels=[IGNORED_LABEL] * len(prompt.token_ids) + answer,
            sequence_representation=self._representations[sequence_id],
        )

    def _is_text_only(self, position: int) -> bool:
        step = position // self._settings.batch_size
        drawn = np.random.default_rng([self._settings.seed, 1, step]).random()
        return bool(drawn >= step / self._settings.steps)


def fine_tune(
    model: HybridLanguageModel,
    examples: FineTuningExamples,
    padding_token_id: int,
    settings: FineTuningSettings,
    description: str,
    logger: logging.Logger,
    take_snapshot: Callable[[int], None],
) -> list[LogRow]:
    """Tune adapter, projector and gate in place and give the log.

    Args:
        model: as `ilora.llm.adapter.attach_adapter` made it.
        examples: in training order.
        padding_token_id: of the tokenizer.
        settings: of the fine-tuning.
        description: what the progress display calls it.
        logger: where progress goes.
        take_snapshot: called after each of ``settings.snapshots``.
    """
    return train(
        model=model,
        dataset=examples,
        collate=Collator(padding_token_id),
        groups=_parameter_groups(model, settings),
        schedule=Schedule(settings.steps, round(settings.warmup_fraction * settings.steps)),
        settings=LoopSettings(
            batch_size=settings.batch_size // settings.gradient_accumulation,
            gradient_accumulation=settings.gradient_accumulation,
            seed=settings.seed,
            order="sequential",
            precision=settings.precision,
        ),
        description=description,
        logger=logger,
        snapshots=settings.snapshots,
        take_snapshot=take_snapshot,
    )


def _parameter_groups(model: HybridLanguageModel, settings: FineTuningSettings) -> Sequence[ParameterGroup]:
    """The projector follows the adapter's curve at a peak of its own; so does the gate."""
    groups = [ParameterGroup(_trainable(model.language_model), settings.learning_rate)]
    if model.projector is not None:
        groups.append(ParameterGroup(_trainable(model.projector), settings.projector_learning_rate))
    if model.gate is not None:
        groups.append(ParameterGroup(_trainable(model.gate), settings.gate_learning_rate))
    return groups


def _trainable(module: torch.nn.Module) -> list[torch.nn.Parameter]:
    return [parameter for parameter in module.parameters() if parameter.requires_grad]
