"""Training loop for pretraining and fine-tuning: transformers' Trainer with a custom optimizer, schedule and log."""

import logging
import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import torch
from torch import nn
from torch.utils.data import Dataset
from transformers import Trainer, TrainerState, TrainingArguments, set_seed
from transformers.trainer_callback import PrinterCallback

from ilora.adapters.load import ExpertLoad
from ilora.artifacts.schemas import TRAINING_LOG
from ilora.configuration.sections.backbone import Precision
from ilora.endings import Interrupted
from ilora.llm.training.callbacks import (
    VALIDATION_LOSS,
    AtSteps,
    KeepBest,
    KeepBestEpoch,
    ShowProgress,
    StopOnSignal,
    measurements,
)
from ilora.llm.training.checkpoints import (
    Checkpointing,
    MarkComplete,
    latest_checkpoint,
    read_tuned_state,
    write_tuned_state,
)
from ilora.llm.training.sharding import averaging_gradients, is_sharded
from ilora.progress import Progress

#: Training log of the language model. The validation loss is present in rows in which it was measured. The last columns
#: are those of an instance-wise adapter, over the sequences of the main process since the previous row (see
#: `ilora.adapters.ExpertLoad`).
LANGUAGE_MODEL_LOG = pa.schema(
    [
        *TRAINING_LOG,
        pa.field("validation_loss", pa.float64()),
        pa.field("gate_entropy", pa.float64()),
        pa.field("effective_experts", pa.float64()),
        pa.field("expert_shares", pa.list_(pa.float64())),
    ]
)

_LOGGER = logging.getLogger(__name__)

#: Values in the Trainer's log, by its names.
_MUST_BE_FINITE = {"loss": "loss", VALIDATION_LOSS: "validation loss", "grad_norm": "norm of the gradients"}

ReadLoad = Callable[[], ExpertLoad | None]
"""Returns the expert load since the last call; None if there is no gate."""


@dataclass(frozen=True)
class ParameterGroup:
    """Parameters that share a peak learning rate and a weight decay.

    The decay is either decoupled (AdamW, Loshchilov and Hutter 2019) or, as L2, added to the gradients (Adam).
    """

    parameters: Sequence[nn.Parameter]
    learning_rate: float
    weight_decay: float = 0.0
    is_decoupled: bool = True


@dataclass(frozen=True)
class Schedule:
    """Linear warm-up from ``start`` times the peak over ``warmup_steps``, then cosine decay to ``floor`` times it."""

    steps: int
    warmup_steps: int
    floor: float = 0.0
    start: float = 0.0

    def share_of_peak(self, step: int) -> float:
        """Return the learning rate after ``step`` steps, as a fraction of the peak."""
        if step < self.warmup_steps:
            return self.start + (1 - self.start) * (step / self.warmup_steps)
        done = (step - self.warmup_steps) / max(1, self.steps - self.warmup_steps)
        return self.floor + (1 - self.floor) * (0.5 * (1 + math.cos(math.pi * done)))


@dataclass(frozen=True)
class LoopSettings:
    """Settings of the training loop.

    ``description`` is for the log and the progress display. ``batch_size`` is per process; on each process,
    ``gradient_accumulation`` batches make one step. A ``maximum_gradient_norm`` of None disables clipping. Each row of
    the log covers ``log_every`` steps (fewer in a short run) and has their mean loss. ``adam_beta2`` is Adam's decay
    rate of the mean squared gradient; that of the mean gradient is 0.9. ``steps_per_epoch`` is the number of training
    sequences divided by those of a step; None if examples are drawn without end.
    """

    description: str
    schedule: Schedule
    batch_size: int
    seed: int
    gradient_accumulation: int = 1
    maximum_gradient_norm: float | None = 1.0
    adam_beta2: float = 0.98
    precision: Precision = "float32"
    log_every: int = 10
    steps_per_epoch: float | None = None


@dataclass(frozen=True)
class LogRow:
    """Mean loss and expert load over the steps since the last row; learning rate and validation loss at ``step``.

    The learning rate is that of the first group. ``epoch`` is the number of passes over the training sequences; None if
    there are none. A row of validation only has neither loss nor learning rate.
    """

    step: int
    epoch: float | None
    loss: float | None
    learning_rate: float | None
    validation_loss: float | None = None
    gate_entropy: float | None = None
    effective_experts: float | None = None
    expert_shares: tuple[float, ...] | None = None


class _Trainer(Trainer):
    """transformers' Trainer with the expert load in its log, and checkpoints without the frozen backbone.

    It stops at the first row of the log with a number that is not finite, before a checkpoint of that step.
    """

    def __init__(self, model: nn.Module, read_load: ReadLoad, description: str, **arguments: Any) -> None:
        super().__init__(model=model, **arguments)
        self._tuned = model
        self._read_load = read_load
        self._description = description

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        self._check_row(logs)
        load = self._read_load() if "loss" in logs else None
        if load is not None:
            entries: dict[str, Any] = logs
            entries.update(
                gate_entropy=load.entropy, effective_experts=load.effective_experts, expert_shares=list(load.shares)
            )
        super().log(logs, start_time)

    def _check_row(self, logs: dict[str, float]) -> None:
        for name, meaning in _MUST_BE_FINITE.items():
            value = logs.get(name, 0.0)
            # In float16 the loss is scaled up; a step whose gradients overflow is skipped, and the scale is halved.
            may_be_scaled = name == "grad_norm" and self.accelerator.scaler is not None
            if not math.isfinite(value) and not (may_be_scaled and self.accelerator.scaler.get_scale() >= 1.0):
                raise _not_finite(self._description, f"the {meaning} is {value}", self.state.global_step)

    def _wrap_model(self, model: nn.Module, training: bool = True, dataloader: Any = None) -> nn.Module:
        if not training or not is_sharded(model):
            return super()._wrap_model(model, training, dataloader)
        # Only autocast of accelerate's preparation.
        return averaging_gradients(self.accelerator.prepare_model(model, device_placement=False, evaluation_mode=True))

    def _save(self, output_dir: str | None = None, state_dict: dict[str, Any] | None = None) -> None:
        if self.args.should_save:
            _check_state(self._tuned, self._description, self.state.global_step)
            write_tuned_state(self._tuned, Path(str(output_dir)))

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: nn.Module | None = None) -> None:
        read_tuned_state(self._tuned, Path(resume_from_checkpoint))


@dataclass(frozen=True)
class Validation:
    """Validation during training.

    Attributes:
        dataset: map-style data set of the validation split.
        every: number of optimizer steps between measurements of the loss.
        patience: number of measurements without a lower loss after which training stops and restores the best state;
            None to measure only.
    """

    dataset: Dataset[Any]
    every: int
    patience: int | None


@dataclass(frozen=True)
class Epochs:
    """Epochs, of which the best is kept.

    Attributes:
        last_steps: last step of each epoch.
        score: function that returns the model's current validation score; called on every process.
    """

    last_steps: Sequence[int]
    score: Callable[[], float]


@dataclass(frozen=True)
class Hooks:
    """Hooks of a training.

    Attributes:
        snapshots: steps after which ``take_snapshot(step)`` is called, on the main process.
        take_snapshot: called with the model in the state after that step. With ``checkpointing``, its output must
            survive a killed process, because a resumed training does not repeat the step.
        read_load: see `ReadLoad`.
        checkpointing: location and frequency of checkpoints; None for no checkpoints. A resumed training ends in the
            same bytes (CPU).
        validation: validation during training; None for none.
        epochs: epochs, of which the best is kept; None to keep the last step.
    """

    snapshots: Sequence[int] = ()
    take_snapshot: Callable[[int], None] = lambda step: None
    read_load: ReadLoad = lambda: None
    checkpointing: Checkpointing | None = None
    validation: Validation | None = None
    epochs: Epochs | None = None


def train(
    model: nn.Module,
    dataset: Dataset[Any],
    collate: Callable[[Sequence[Any]], dict[str, torch.Tensor]],
    groups: Sequence[ParameterGroup],
    settings: LoopSettings,
    hooks: Hooks = Hooks(),
) -> list[LogRow]:
    """Train in place with Adam, in the order of the data, and return the log.

    In a process group, every process calls this function with the same arguments and processes its part of each batch
    (DDP, through accelerate); gradients and losses equal those of one process with the whole batch, up to rounding.

    Args:
        model: model that returns a dict with ``loss`` for the keyword arguments that ``collate`` produces.
        dataset: map-style data set.
        collate: function from a list of the data set's items to a batch.
        groups: parameters to train; everything else stays fixed.
        settings: settings of the loop.
        hooks: hooks of the training.

    Raises:
        FloatingPointError: if a loss or gradient norm in the log, or a tuned parameter, is not finite.
        Interrupted: if SIGTERM was received; the state is kept.
        ValueError: if ``validation`` with patience or ``epochs`` is given without ``checkpointing``.
    """
    schedule, description = settings.schedule, settings.description
    checkpointing, validation = hooks.checkpointing, hooks.validation
    set_seed(settings.seed)
    optimizer = adam(groups, settings.adam_beta2)
    rates = torch.optim.lr_scheduler.LambdaLR(optimizer, partial(Schedule.share_of_peak, schedule))
    stop = StopOnSignal() if checkpointing else None
    keep_best = _keep_best(model, validation, checkpointing)
    keep_best_epoch = _keep_best_epoch(model, hooks)
    with tempfile.TemporaryDirectory() as temporary, Progress(schedule.steps, description, _LOGGER) as progress:
        beside = [
            ShowProgress(progress),
            AtSteps(hooks.snapshots, hooks.take_snapshot),
            MarkComplete(),
            keep_best,
            keep_best_epoch,
            stop,
        ]
        trainer = _Trainer(
            model,
            hooks.read_load,
            description,
            args=_arguments(temporary, settings, hooks),
            train_dataset=dataset,
            eval_dataset=validation.dataset if validation else None,
            data_collator=collate,
            optimizers=(optimizer, rates),
            callbacks=[callback for callback in beside if callback is not None],
        )
        trainer.remove_callback(PrinterCallback)
        resumed = latest_checkpoint(checkpointing.folder) if checkpointing else None
        if resumed is not None:
            _LOGGER.info("%s: resuming from %s", description, resumed)
        trainer.train(resume_from_checkpoint=str(resumed) if resumed else None)
    if stop is not None and stop.stopped_at is not None:
        raise Interrupted(
            f"{description}: stopped by a signal after step {stop.stopped_at} of {schedule.steps}. Its state is kept; "
            "the same command resumes from there"
        )
    _check_state(model, description, trainer.state.global_step)
    rows = _log_rows(trainer.state, settings.steps_per_epoch)
    if keep_best is not None:
        best = keep_best.restore(measurements(trainer.state))
        _LOGGER.info("%s: the best validation loss was %.4f, at step %d", description, best.loss, best.step)
    if keep_best_epoch is not None:
        chosen = keep_best_epoch.restore()
        _LOGGER.info("%s: the best epoch, %.4f on validation, ended at step %d", description, chosen.score, chosen.step)
    return rows


def adam(groups: Sequence[ParameterGroup], beta2: float) -> torch.optim.Adam:
    """Create the optimizer; without weight decay, Adam and AdamW are the same."""
    return torch.optim.Adam(
        [
            {
                "params": list(group.parameters),
                "lr": group.learning_rate,
                "weight_decay": group.weight_decay,
                "decoupled_weight_decay": group.is_decoupled,
            }
            for group in groups
        ],
        betas=(0.9, beta2),
    )


def _check_state(model: nn.Module, description: str, step: int) -> None:
    for name, parameter in model.named_parameters():
        if parameter.requires_grad and not torch.isfinite(parameter).all():
            raise _not_finite(description, f"{name} holds NaN or infinity", step)


def _not_finite(description: str, what: str, step: int) -> FloatingPointError:
    return FloatingPointError(
        f"{description}: {what} at step {step}, expected finite numbers; "
        "lower the learning rate or use another precision"
    )


def _keep_best(model: nn.Module, validation: Validation | None, checkpointing: Checkpointing | None) -> KeepBest | None:
    if validation is None or validation.patience is None:
        return None
    if checkpointing is None:
        raise ValueError("early stopping: found no checkpointing, expected a folder for the best state")
    return KeepBest(model, checkpointing.folder / "best", validation.patience)


def _keep_best_epoch(model: nn.Module, hooks: Hooks) -> KeepBestEpoch | None:
    if hooks.epochs is None:
        return None
    if hooks.checkpointing is None:
        raise ValueError("the best epoch: found no checkpointing, expected a folder for the states of the epochs")
    return KeepBestEpoch(model, hooks.checkpointing.folder / "epochs", hooks.epochs.last_steps, hooks.epochs.score)


def _arguments(temporary: str, settings: LoopSettings, hooks: Hooks) -> TrainingArguments:
    schedule, checkpointing, validation = settings.schedule, hooks.checkpointing, hooks.validation
    # A short run has at least five rows, enough for a curve.
    logging_steps = max(1, min(settings.log_every, schedule.steps // 5))
    if validation is not None:
        # Each measurement has its row.
        logging_steps = math.gcd(logging_steps, validation.every)
    options: dict[str, Any] = {"output_dir": temporary, "save_strategy": "no"}
    if checkpointing is not None:
        # A row of the log must not be split, and the previous checkpoint is kept until the next is complete.
        steps = math.ceil(checkpointing.every / logging_steps) * logging_steps
        options = {
            "output_dir": str(checkpointing.folder),
            "save_strategy": "steps",
            "save_steps": steps,
            "save_total_limit": 2,
        }
    if validation is not None:
        options |= {
            "eval_strategy": "steps",
            "eval_steps": validation.every,
            "per_device_eval_batch_size": settings.batch_size,
            "prediction_loss_only": True,
        }
    arguments = TrainingArguments(
        **options,
        max_steps=schedule.steps,
        per_device_train_batch_size=settings.batch_size,
        gradient_accumulation_steps=settings.gradient_accumulation,
        # Without clipping the norm is still measured, for the log and the check for finite numbers.
        max_grad_norm=math.inf if settings.maximum_gradient_norm is None else settings.maximum_gradient_norm,
        bf16=settings.precision == "bfloat16" and torch.cuda.is_available(),
        fp16=settings.precision == "float16" and torch.cuda.is_available(),
        use_cpu=not torch.cuda.is_available(),
        seed=settings.seed,
        data_seed=settings.seed,
        train_sampling_strategy="sequential",
        logging_steps=logging_steps,
        logging_nan_inf_filter=False,
        include_num_input_tokens_seen="all",
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=torch.cuda.is_available(),
    )
    # A process has one GPU. By default, the Trainer would use all visible GPUs (torch's DataParallel).
    arguments._n_gpu = min(1, arguments.n_gpu)
    return arguments


def _log_rows(state: TrainerState, steps_per_epoch: float | None) -> list[LogRow]:
    """Return the Trainer's log history, which is part of its checkpoints."""
    entries: dict[int, dict[str, Any]] = {int(entry["step"]): entry for entry in state.log_history if "loss" in entry}
    validation_loss = {measurement.step: measurement.loss for measurement in measurements(state)}
    # The last step is measured even if no row ends there.
    return [
        _log_row(step, steps_per_epoch, entries.get(step, {}), validation_loss.get(step))
        for step in sorted(entries.keys() | validation_loss.keys())
    ]


def _log_row(
    step: int, steps_per_epoch: float | None, entry: Mapping[str, Any], validation_loss: float | None
) -> LogRow:
    return LogRow(
        step=step,
        # The Trainer's own epochs are shares of the whole training, which it reads as one long data set.
        epoch=None if steps_per_epoch is None else step / steps_per_epoch,
        loss=entry.get("loss"),
        learning_rate=entry.get("learning_rate"),
        validation_loss=validation_loss,
        gate_entropy=entry.get("gate_entropy"),
        effective_experts=entry.get("effective_experts"),
        expert_shares=tuple(entry["expert_shares"]) if "expert_shares" in entry else None,
    )


def training_log_table(rows: Sequence[LogRow]) -> pa.Table:
    """Return the log as a table of the schema `LANGUAGE_MODEL_LOG`."""
    return pa.Table.from_pylist([asdict(row) for row in rows], schema=LANGUAGE_MODEL_LOG)
