"""Fine-tuning of all kinds of adapters, on hybrid and text-only prompts."""

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module

import numpy as np
import torch
from torch.utils.data import Dataset
from transformers.trainer_pt_utils import get_length_grouped_indices

from ilora.adapters.labels import IGNORED_LABEL
from ilora.adapters.load import ExpertLoad
from ilora.configuration.sections.finetuning_values import FinetuningValues
from ilora.configuration.tuning import EPOCH_MEASURE, TuningSettings
from ilora.data.candidates import draw_candidates
from ilora.data.sequences import SequenceTable
from ilora.llm.model.collation import Collator, TrainingExample
from ilora.llm.model.hybrid_model import HybridLanguageModel
from ilora.llm.prompts.builder import NO_ITEM, PromptBuilder, TokenisedPrompt, answering_seed
from ilora.llm.prompts.context import report_cut_histories
from ilora.llm.training.checkpoints import Checkpointing
from ilora.llm.training.loop import Epochs, Hooks, LogRow, LoopSettings, ParameterGroup, Schedule, Validation, train
from ilora.llm.training.processes import process_count, total_over_processes

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class Question:
    """A sequence of the validation split, prepared for generation.

    Attributes:
        prompt: prompt of the sequence.
        gate_input: gate input, float32 (width,); None without such a gate.
        candidates: item ids of the candidate set.
        target: item id of the target.
    """

    prompt: TokenisedPrompt
    gate_input: torch.Tensor | None
    candidates: Sequence[int]
    target: int


class FineTuningExamples(Dataset[TrainingExample]):
    """The training examples in order, a pure function of (seed, position).

    Each pass over the training sequences has its own order and candidate sets, which are drawn like the frozen sets of
    the other splits. Length grouping is that of transformers: batches of similar length, in random order.

    Args:
        sequences: all sequences; the training split is used.
        builder: builder of prompts and answers.
        gate_inputs: gate input of every sequence, float32 (sequences, width); None without such a gate.
        settings: settings of the fine-tuning.

    Attributes:
        settings: settings of the fine-tuning.
        builder: builder of prompts and answers.
        steps: number of optimizer steps.
        asked: number of examples built so far.
        cut: number of those whose history lost items to fit the model's context.

    Raises:
        ValueError: if a snapshot is beyond the last step.
    """

    def __init__(
        self,
        sequences: SequenceTable,
        builder: PromptBuilder,
        gate_inputs: np.ndarray | None,
        settings: TuningSettings,
    ) -> None:
        self._sequences = sequences
        self.builder = builder
        self._gate_inputs = gate_inputs
        self.settings = settings
        self._values = settings.finetuning
        self.asked = self.cut = 0
        self._training_rows = sequences.rows("train")
        self.steps = settings.finetuning.total_steps(len(self._training_rows))
        late = [step for step in settings.finetuning.snapshots if step > self.steps]
        if late:
            raise ValueError(f"finetuning.snapshots: found {late}, expected steps up to the last one, {self.steps}")
        passes = math.ceil(len(self) / len(self._training_rows))
        order = self._length_grouped_order if self._values.length_grouped else self._random_order
        self._orders = [order(number) for number in range(passes)]

    @property
    def padding_token_id(self) -> int:
        """Token id for padding the examples of a batch."""
        return int(self.builder.tokenizer.pad_token_id)

    def __len__(self) -> int:
        return self.steps * self._values.batch_size

    def __getitem__(self, position: int) -> TrainingExample:
        number, place = divmod(position, len(self._training_rows))
        text_only = self._values.curriculum and self._is_text_only(position)
        text = self.builder.draw_text([self.settings.seed, 2, position // self._sequences_per_draw])
        return self.example(int(self._orders[number][place]), number, text_only, text)

    def example(self, sequence_id: int, draw: int, text_only: bool = False, text: int = 0) -> TrainingExample:
        """Return the example of a sequence with the candidate set of one draw (in training, of one pass).

        Args:
            sequence_id: id of the sequence.
            draw: number of the candidate set.
            text_only: whether behaviour tokens become placeholders.
            text: number of the prompt's text.
        """
        target = int(self._sequences.targets[sequence_id])
        candidates = self._candidate_set(sequence_id, draw)
        prompt = self.builder.prompt(self._sequences.histories[sequence_id], candidates, text)
        self.asked += 1
        self.cut += prompt.cut > 0
        answer = self.builder.answer(target)
        behaviour = [NO_ITEM] * len(prompt.behaviour) if text_only else prompt.behaviour
        return TrainingExample(
            token_ids=prompt.token_ids + answer,
            behaviour=behaviour + [NO_ITEM] * len(answer),
            labels=[IGNORED_LABEL] * len(prompt.token_ids) + answer,
            gate_input=None if self._gate_inputs is None else self._gate_inputs[sequence_id],
        )

    def validation(self) -> "ValidationExamples":
        """Return the validation split with the first of its frozen candidate sets."""
        return ValidationExamples(self, self._sequences.rows("val"))

    def validation_questions(self) -> list[Question]:
        """Return the validation split prepared for generation, with the first of its candidate sets."""
        questions = []
        for number, row in enumerate(self._sequences.rows("val")):
            candidates = self._candidate_set(row, 0)
            text = self.builder.draw_text(answering_seed(self.settings.seed, number))
            prompt = self.builder.prompt(self._sequences.histories[row], candidates, text)
            gate_input = None if self._gate_inputs is None else torch.from_numpy(self._gate_inputs[row])
            questions.append(Question(prompt, gate_input, candidates, int(self._sequences.targets[row])))
        return questions

    @property
    def steps_per_epoch(self) -> float:
        """The number of steps of a pass over the training sequences."""
        return len(self._training_rows) / self._values.batch_size

    @property
    def epoch_ends(self) -> list[int]:
        """The steps after which a pass over the training sequences is complete, and the last one."""
        rows, batch = len(self._training_rows), self._values.batch_size
        ends = {math.ceil(number * rows / batch) for number in range(1, len(self) // rows + 1)}
        return sorted({*ends, self.steps})

    def _candidate_set(self, sequence_id: int, draw: int) -> list[int]:
        return draw_candidates(
            self._sequences.keys[sequence_id],
            draw,
            self._sequences.histories[sequence_id],
            int(self._sequences.targets[sequence_id]),
            number_of_items=len(self.builder.titles),
            size=self.settings.candidates,
            seed=self.settings.candidate_seed,
        )

    def _listed(self, sequence_id: int, draw: int) -> list[int]:
        return self._candidate_set(sequence_id, draw) if self.builder.style.candidates == "listed" else []

    def _random_order(self, number: int) -> np.ndarray:
        return np.random.default_rng([self.settings.seed, number]).permutation(self._training_rows)

    def _length_grouped_order(self, number: int) -> np.ndarray:
        titles = [len(title) for title in self.builder.titles]
        lengths = [
            sum(titles[item] for item in (*self._sequences.histories[row], *self._listed(row, number)))
            for row in self._training_rows
        ]
        drawn = int(np.random.default_rng([self.settings.seed, number]).integers(2**63))
        generator = torch.Generator().manual_seed(drawn)
        places = get_length_grouped_indices(lengths, self._values.batch_size, generator=generator)
        return np.asarray(self._training_rows[places])

    @property
    def _sequences_per_draw(self) -> int:
        return self._values.sequences_per_draw or self._values.batch_size

    def _is_text_only(self, position: int) -> bool:
        draw = position // self._sequences_per_draw
        met = draw * self._sequences_per_draw
        if self._values.curriculum_counter == "epoch":
            met %= len(self._training_rows)
        drawn = np.random.default_rng([self.settings.seed, 1, draw]).random()
        return bool(drawn >= met // self._values.batch_size / self.steps)


class ValidationExamples(Dataset[TrainingExample]):
    """The examples of a split's sequences, with behaviour tokens and one candidate set each.

    Args:
        examples: factory of the examples.
        rows: ids of the sequences.
    """

    def __init__(self, examples: FineTuningExamples, rows: np.ndarray) -> None:
        self._examples = examples
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, position: int) -> TrainingExample:
        text = self._examples.builder.draw_text(answering_seed(self._examples.settings.seed, position))
        return self._examples.example(int(self._rows[position]), draw=0, text=text)


def fine_tune(
    model: HybridLanguageModel,
    examples: FineTuningExamples,
    take_snapshot: Callable[[int], None],
    checkpointing: Checkpointing | None = None,
) -> list[LogRow]:
    """Tune adapter, projector and gate in place and return the log; warn if the gate has collapsed.

    Args:
        model: model returned by `ilora.llm.model.adapter.attach_adapter`.
        examples: examples in training order, with the settings of the fine-tuning.
        take_snapshot: called after each snapshot step, on the main process.
        checkpointing: see `ilora.llm.training.loop.Hooks`.
    """
    settings, values, instance_wise = examples.settings, examples.settings.finetuning, model.instance_wise
    log = train(
        model,
        examples,
        Collator(examples.padding_token_id),
        _parameter_groups(model, values),
        LoopSettings(
            description=settings.description,
            schedule=Schedule(
                examples.steps,
                round(values.warmup_fraction * examples.steps),
                floor=values.learning_rate_floor,
                start=values.learning_rate_floor,
            ),
            batch_size=values.batch_size // (values.gradient_accumulation * process_count()),
            gradient_accumulation=values.gradient_accumulation,
            seed=settings.seed,
            maximum_gradient_norm=values.maximum_gradient_norm,
            adam_beta2=values.adam_beta2,
            precision=settings.backbone.precision,
            log_every=values.log_every,
            steps_per_epoch=examples.steps_per_epoch,
        ),
        Hooks(
            snapshots=values.snapshots,
            take_snapshot=take_snapshot,
            read_load=(lambda: None) if instance_wise is None else instance_wise.load.read,
            checkpointing=checkpointing,
            validation=_validation(examples),
            epochs=_epochs(model, examples),
        ),
    )
    cut, asked = total_over_processes(examples.cut), total_over_processes(examples.asked)
    report_cut_histories(cut, asked, settings.description, _LOGGER)
    loads = [row for row in log if row.expert_shares is not None]
    if loads:
        _report_load(loads[-1], settings.description)
    return log


def _validation(examples: FineTuningExamples) -> Validation | None:
    values = examples.settings.finetuning
    if values.validation_every is None:
        return None
    return Validation(examples.validation(), values.validation_every, values.patience)


def _epochs(model: HybridLanguageModel, examples: FineTuningExamples) -> Epochs | None:
    if not examples.settings.finetuning.best_epoch:
        return None
    questions = examples.validation_questions()
    hit_ratio = import_module(EPOCH_MEASURE).hit_ratio
    return Epochs(examples.epoch_ends, lambda: hit_ratio(model, examples.builder, questions, examples.settings))


def _report_load(row: LogRow, description: str) -> None:
    assert row.expert_shares is not None and row.gate_entropy is not None and row.effective_experts is not None
    load = ExpertLoad(row.expert_shares, row.gate_entropy, row.effective_experts)
    shares = ", ".join(f"{share:.3f}" for share in load.shares)
    message = "%s: shares of the experts %s; effective experts %.2f of %d; entropy of a sequence's gate %.3f of 1"
    _LOGGER.info(message, description, shares, load.effective_experts, len(load.shares), load.entropy)
    if load.has_collapsed:
        _LOGGER.warning(
            "%s: the gate has collapsed: few experts carry the load. Lower gate_learning_rate or the number of "
            "experts.",
            description,
        )


def _parameter_groups(model: HybridLanguageModel, values: FinetuningValues) -> Sequence[ParameterGroup]:
    """Return a group each for adapter, projector and gate: same schedule, own peaks; L2 only for the latter two."""
    peak = values.learning_rate
    groups = [ParameterGroup(_trainable(model.causal_model), peak)]
    besides: list[tuple[torch.nn.Module | None, float | None]] = [
        (model.projector, values.projector_learning_rate),
        (None if model.instance_wise is None else model.instance_wise.gate, values.gate_learning_rate),
    ]
    for module, own_peak in besides:
        if module is not None:
            groups.append(ParameterGroup(_trainable(module), own_peak or peak, values.l2, is_decoupled=False))
    return groups


def _trainable(module: torch.nn.Module) -> list[torch.nn.Parameter]:
    return [parameter for parameter in module.parameters() if parameter.requires_grad]
