"""Trainer callbacks: progress, snapshots, the best state, and a graceful stop on SIGTERM."""

import json
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from torch import nn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from ilora.artifacts.json_files import read_json
from ilora.artifacts.writing import atomic_path
from ilora.llm.training.checkpoints import read_tuned_state, write_tuned_state
from ilora.llm.training.processes import any_process, is_main_process, wait_for_all
from ilora.progress import Progress

VALIDATION_LOSS = "eval_loss"


class ShowProgress(TrainerCallback):
    """Shows loss, learning rate and speed."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._began = time.monotonic()
        self._tokens_before = 0

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Continue from the step of a checkpoint."""
        self._tokens_before = int(state.num_input_tokens_seen)
        self._progress.resume(state.global_step)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Count a step."""
        self._progress.update()

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        """Show a row of the log, which may cover many steps."""
        if not logs or "loss" not in logs:
            return
        tokens = int(state.num_input_tokens_seen) - self._tokens_before
        self._progress.update(
            n=0,
            loss=float(logs["loss"]),
            learning_rate=float(logs["learning_rate"]),
            tokens_per_second=tokens / (time.monotonic() - self._began),
        )


class AtSteps(TrainerCallback):
    """Calls ``action(step)`` after each of the given steps, on the main process."""

    def __init__(self, steps: Sequence[int], action: Callable[[int], None]) -> None:
        self._steps = set(steps)
        self._action = action

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Call the action if this step is one of the given steps."""
        if state.global_step in self._steps and is_main_process():
            self._action(state.global_step)


@dataclass(frozen=True)
class Measurement:
    """The validation loss after a step."""

    step: int
    loss: float


def measurements(state: TrainerState) -> list[Measurement]:
    """Return the validation losses so far, from the Trainer's log history, which is part of its checkpoints."""
    history: list[dict[str, Any]] = state.log_history
    return [
        Measurement(int(entry["step"]), float(entry[VALIDATION_LOSS])) for entry in history if VALIDATION_LOSS in entry
    ]


def best_measurement(measured: Sequence[Measurement]) -> Measurement:
    """Return the lowest validation loss, the earliest in case of ties; there must be at least one."""
    return min(measured, key=lambda measurement: measurement.loss)


class KeepBest(TrainerCallback):
    """Early stopping: keeps the tuned state with the lowest validation loss, and stops when the loss stagnates.

    Args:
        model: model being trained.
        folder: folder for the states, exclusive to this training.
        patience: number of measurements without a lower loss after which training stops.
    """

    def __init__(self, model: nn.Module, folder: Path, patience: int) -> None:
        self._model = model
        self._folder = folder
        self._patience = patience

    def on_evaluate(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Process the latest measurement."""
        measured = measurements(state)
        best = best_measurement(measured)
        if best == measured[-1] and is_main_process():
            write_tuned_state(self._model, self._of_step(best.step))
        if len(measured) - measured.index(best) > self._patience:
            control.should_training_stop = True

    def restore(self, measured: Sequence[Measurement]) -> Measurement:
        """Restore the best state and return its measurement."""
        best = best_measurement(measured)
        wait_for_all()
        read_tuned_state(self._model, self._of_step(best.step))
        return best

    def _of_step(self, step: int) -> Path:
        return self._folder / f"step~{step}"


@dataclass(frozen=True)
class ScoredEpoch:
    """The model's validation score after an epoch's last step."""

    step: int
    score: float


class KeepBestEpoch(TrainerCallback):
    """Keeps the tuned state of each epoch with its validation score.

    Args:
        model: model being trained.
        folder: folder for the states, exclusive to this training; a resumed training finds them there.
        last_steps: last step of each epoch.
        score: function that returns the model's score; higher is better.
    """

    def __init__(self, model: nn.Module, folder: Path, last_steps: Sequence[int], score: Callable[[], float]) -> None:
        self._model = model
        self._folder = folder
        self._last_steps = list(last_steps)
        self._score = score

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Score and keep the state at the end of an epoch."""
        if state.global_step not in self._last_steps:
            return
        score = self._score()
        if is_main_process():
            folder = self._of_step(state.global_step)
            write_tuned_state(self._model, folder)
            with atomic_path(folder / "score.json") as temporary:
                temporary.write_text(json.dumps({"score": score}) + "\n", encoding="utf-8")

    def restore(self) -> ScoredEpoch:
        """Restore the state of the best epoch, the earliest in case of ties, and return that epoch."""
        wait_for_all()
        scored = [
            ScoredEpoch(step, float(read_json(self._of_step(step) / "score.json")["score"]))
            for step in self._last_steps
        ]
        best = max(scored, key=lambda epoch: epoch.score)
        read_tuned_state(self._model, self._of_step(best.step))
        return best

    def _of_step(self, step: int) -> Path:
        return self._folder / f"step~{step}"


class StopOnSignal(TrainerCallback):
    """Saves the state after the current step and stops on SIGTERM, which Slurm sends before a time limit.

    All processes of a training stop after the same step, whichever received the signal first. If a row of the log spans
    several steps, training stops after the last of them, so that no row is split.

    Attributes:
        stopped_at: step after which a signal stopped the training; None if there was no signal.
    """

    def __init__(self) -> None:
        self.stopped_at: int | None = None
        self._was_told = False
        self._previous: Any = None

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Install the signal handler."""
        if threading.current_thread() is threading.main_thread():
            self._previous = signal.signal(signal.SIGTERM, self._hear)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Stop if a signal was received and a row of the log is complete."""
        is_row_complete = state.global_step % int(args.logging_steps) == 0
        if is_row_complete and state.global_step < state.max_steps and any_process(self._was_told):
            self.stopped_at = state.global_step
            control.should_save = control.should_training_stop = True

    def on_train_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Restore the previous signal handler."""
        if self._previous is not None:
            signal.signal(signal.SIGTERM, self._previous)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        self._was_told = True
