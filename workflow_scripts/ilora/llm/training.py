"""One training loop for pretraining and fine-tuning: transformers' Trainer with our optimizer, schedule and log."""

import logging
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import pyarrow as pa
import torch
from torch import nn
from torch.utils.data import Dataset
from transformers import (
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
    get_cosine_with_min_lr_schedule_with_warmup,
    set_seed,
)
from transformers.trainer_callback import PrinterCallback

from ilora.artifacts.schemas import TRAINING_LOG
from ilora.progress import Progress

Precision = Literal["float32", "bfloat16", "float16"]


@dataclass(frozen=True)
class ParameterGroup:
    """Parameters that share a peak learning rate and a weight decay."""

    parameters: Sequence[nn.Parameter]
    learning_rate: float
    weight_decay: float = 0.0


@dataclass(frozen=True)
class Schedule:
    """Linear warm-up over ``warmup_steps``, then cosine down to ``floor`` times the peak at ``steps``."""

    steps: int
    warmup_steps: int
    floor: float = 0.0


@dataclass(frozen=True)
class LoopSettings:
    """How the loop runs.

    ``batch_size`` is per device; ``gradient_accumulation`` batches make one step. ``order`` is the order of the data.
    ``log_every`` steps (fewer in a short run) share a row of the log, the mean loss over them.
    """

    batch_size: int
    seed: int
    order: Literal["sequential", "random"]
    gradient_accumulation: int = 1
    maximum_gradient_norm: float = 1.0
    precision: Precision = "float32"
    log_every: int = 10


@dataclass(frozen=True)
class LogRow:
    """Mean loss over the steps since the last row, and the first group's learning rate at ``step``."""

    step: int
    epoch: float
    loss: float
    learning_rate: float


class _Recorder(TrainerCallback):
    """Keeps the log's rows and shows progress."""

    def __init__(self, progress: Progress) -> None:
        self.rows: list[LogRow] = []
        self._progress = progress
        self._began = time.monotonic()

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        """Take down one row."""
        if not logs or "loss" not in logs:
            return
        loss, rate = float(logs["loss"]), float(logs["learning_rate"])
        self.rows.append(LogRow(state.global_step, float(state.epoch or 0.0), loss, rate))
        self._progress.update(
            n=state.global_step - self._progress.step,
            loss=loss,
            learning_rate=rate,
            tokens_per_second=int(state.num_input_tokens_seen) / (time.monotonic() - self._began),
        )


class _AtSteps(TrainerCallback):
    """Calls ``action(step)`` after each of the steps named."""

    def __init__(self, steps: Sequence[int], action: Callable[[int], None]) -> None:
        self._steps = set(steps)
        self._action = action

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Act when this step is one of them."""
        if state.global_step in self._steps:
            self._action(state.global_step)


def train(
    model: nn.Module,
    dataset: Dataset[Any],
    collate: Callable[[Sequence[Any]], dict[str, torch.Tensor]],
    groups: Sequence[ParameterGroup],
    schedule: Schedule,
    settings: LoopSettings,
    description: str,
    logger: logging.Logger,
    snapshots: Sequence[int] = (),
    take_snapshot: Callable[[int], None] = lambda step: None,
) -> list[LogRow]:
    """Train in place with AdamW (betas 0.9 and 0.98) and give the log.

    Args:
        model: gives a dict with ``loss`` for the keyword arguments that ``collate`` makes.
        dataset: map-style.
        collate: from a list of the data set's items to a batch.
        groups: what is trained; everything else is left as it is.
        schedule: over optimizer steps.
        settings: of the loop.
        description: for the progress display.
        logger: where progress goes.
        snapshots: steps after which ``take_snapshot(step)`` is called.
        take_snapshot: called with the model in its state of that step.

    Raises:
        FloatingPointError: if the loss of the last row is not finite.
    """
    set_seed(settings.seed)
    optimizer = torch.optim.AdamW(
        [
            {"params": list(group.parameters), "lr": group.learning_rate, "weight_decay": group.weight_decay}
            for group in groups
        ],
        betas=(0.9, 0.98),
    )
    rates = get_cosine_with_min_lr_schedule_with_warmup(
        optimizer, schedule.warmup_steps, schedule.steps, min_lr_rate=schedule.floor
    )
    with tempfile.TemporaryDirectory() as folder, Progress(schedule.steps, description, logger) as progress:
        recorder = _Recorder(progress)
        trainer = Trainer(
            model=model,
            args=_arguments(folder, schedule, settings),
            train_dataset=dataset,
            data_collator=collate,
            optimizers=(optimizer, rates),
            callbacks=[recorder, _AtSteps(snapshots, take_snapshot)],
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    if recorder.rows and not torch.isfinite(torch.tensor(recorder.rows[-1].loss)):
        raise FloatingPointError(
            f"{description}: the loss is {recorder.rows[-1].loss} at step {recorder.rows[-1].step}; "
            "lower the learning rate or use another precision"
        )
    return recorder.rows


def _arguments(folder: str, schedule: Schedule, settings: LoopSettings) -> TrainingArguments:
    return TrainingArguments(
        output_dir=folder,
        max_steps=schedule.steps,
        per_device_train_batch_size=settings.batch_size,
        gradient_accumulation_steps=settings.gradient_accumulation,
        max_grad_norm=settings.maximum_gradient_norm,
        bf16=settings.precision == "bfloat16" and torch.cuda.is_available(),
        fp16=settings.precision == "float16" and torch.cuda.is_available(),
        use_cpu=not torch.cuda.is_available(),
        seed=settings.seed,
        data_seed=settings.seed,
        train_sampling_strategy=settings.order,
        # A short run has five rows at least: enough for a curve.
        logging_steps=max(1, min(settings.log_every, schedule.steps // 5)),
        logging_nan_inf_filter=False,
        include_num_input_tokens_seen="all",
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=torch.cuda.is_available(),
    )


def training_log_table(rows: Sequence[LogRow]) -> pa.Table:
    """Give the log as a table of schema `TRAINING_LOG`."""
    return pa.Table.from_pylist([asdict(row) for row in rows], schema=TRAINING_LOG)
