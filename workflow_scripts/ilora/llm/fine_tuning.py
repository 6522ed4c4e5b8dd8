"""Fine-tuning: adapters of all kinds, on hybrid prompts and on text alone, on one path."""

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from ilora.adapters.labels import IGNORED_LABEL
from ilora.adapters.load import ExpertLoad
from ilora.data.candidates import draw_candidates
from ilora.data.sequences import SequenceTable
from ilora.llm.checkpoints import Checkpointing
from ilora.llm.collation import Collator, TrainingExample
from ilora.llm.context import report_cut_histories
from ilora.llm.hybrid_model import HybridLanguageModel
from ilora.llm.optimizer_steps import optimizer_steps
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
    steps = optimizer_steps(finetuning, training_sequences)
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
        guidance: what a gate reads for every sequence, float32 (sequences, width); None without such a gate.
        candidates: size of a candidate set.
        candidate_seed: of the candidate sets.
        settings: of the fine-tuning.

    Attributes:
        asked: examples given so far.
        cut: those of them whose history lost items to fit the model's context.
    """

    def __init__(
        self,
        sequences: SequenceTable,
        builder: PromptBuilder,
        guidance: np.ndarray | None,
        candidates: int,
        candidate_seed: int,
        settings: FineTuningSettings,
    ) -> None:
        self._sequences = sequences
        self._builder = builder
        self._guidance = guidance
        self._candidates = candidates
        self._candidate_seed = candidate_seed
        self._settings = settings
        self.asked = self.cut = 0
        self._training_rows = sequences.rows("train")
        passes = math.ceil(len(self) / len(self._training_rows))
        self._orders = [
            np.random.default_rng([settings.seed, number]).permutation(self._training_rows) for number in range(passes)
        ]

    def __len__(self) -> int:
        return self._settings.steps * self._settings.batch_size

    def __getitem__(self, position: int) -> TrainingExample:
        number, place = divmod(position, len(self._training_rows))
        text_only = self._settings.curriculum and self._is_text_only(position)
        return self.example(int(self._orders[number][place]), number, text_only)

    def example(self, sequence_id: int, draw: int, text_only: bool = False) -> TrainingExample:
        """Give one sequence with the candidate set of one draw (in training: of one pass), with or without behaviour.

        Args:
            sequence_id: which.
            draw: number of the candidate set.
            text_only: whether behaviour tokens become placeholders.
        """
        history = self._sequences.histories[sequence_id]
        target = int(self._sequences.targets[sequence_id])
        candidates = draw_candidates(
            self._sequences.keys[sequence_id],
            draw,
            history,
            target,
            number_of_items=self._sequences.number_of_items,
            size=self._candidates,
            seed=self._candidate_seed,
        )
        prompt = self._builder.prompt(history, candidates)
        self.asked += 1
        self.cut += prompt.cut > 0
        answer = self._builder.answer(target)
        behaviour = [NO_ITEM] * len(prompt.behaviour) if text_only else prompt.behaviour
        return TrainingExample(
            token_ids=prompt.token_ids + answer,
            behaviour=behaviour + [NO_ITEM] * len(answer),
            labels=[IGNORED_LABEL] * len(prompt.token_ids) + answer,
            guidance=None if self._guidance is None else self._guidance[sequence_id],
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
    checkpointing: Checkpointing | None = None,
) -> list[LogRow]:
    """Tune adapter, projector and gate in place and give the log; a gate that collapsed is warned of.

    Args:
        model: as `ilora.llm.adapter.attach_adapter` made it.
        examples: in training order.
        padding_token_id: of the tokenizer.
        settings: of the fine-tuning.
        description: what the progress display calls it.
        logger: where progress goes.
        take_snapshot: called after each of ``settings.snapshots``.
        checkpointing: see `ilora.llm.training.train`.
    """
    instance_wise = model.instance_wise
    log = train(
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
        read_load=(lambda: None) if instance_wise is None else instance_wise.load.read,
        checkpointing=checkpointing,
    )
    report_cut_histories(examples.cut, examples.asked, description, logger)
    if log and log[-1].expert_shares is not None:
        _report_load(log[-1], description, logger)
    return log


def _report_load(row: LogRow, description: str, logger: logging.Logger) -> None:
    assert row.expert_shares is not None and row.gate_entropy is not None and row.effective_experts is not None
    load = ExpertLoad(row.expert_shares, row.gate_entropy, row.effective_experts)
    shares = ", ".join(f"{share:.3f}" for share in load.shares)
    message = "%s: shares of the experts %s; effective experts %.2f of %d; entropy of a sequence's gate %.3f of 1"
    logger.info(message, description, shares, load.effective_experts, len(load.shares), load.entropy)
    if load.has_collapsed:
        logger.warning(
            "%s: the gate has collapsed: few of the experts carry the load. Lower gate_learning_rate or the number of "
            "experts.",
            description,
        )


def _parameter_groups(model: HybridLanguageModel, settings: FineTuningSettings) -> Sequence[ParameterGroup]:
    """The projector follows the adapter's curve at a peak of its own; so does the gate."""
    groups = [ParameterGroup(_trainable(model.causal_model), settings.learning_rate)]
    if model.projector is not None:
        groups.append(ParameterGroup(_trainable(model.projector), settings.projector_learning_rate))
    if model.instance_wise is not None:
        groups.append(ParameterGroup(_trainable(model.instance_wise.gate), settings.gate_learning_rate))
    return groups


def _trainable(module: torch.nn.Module) -> list[torch.nn.Parameter]:
    return [parameter for parameter in module.parameters() if parameter.requires_grad]
