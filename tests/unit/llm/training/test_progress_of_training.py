"""The progress of a training counts every step, whatever the log, and resumes from a checkpoint's step."""

import io
import logging
from pathlib import Path

import pytest
from transformers import TrainerControl, TrainerState, TrainingArguments

from ilora.llm.training.callbacks import ShowProgress
from ilora.progress import Progress


def test_every_step_counts_though_the_log_covers_many(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    arguments, control = TrainingArguments(output_dir=str(tmp_path), use_cpu=True), TrainerControl()
    state = TrainerState(global_step=40)
    logger = logging.getLogger("test-progress")
    caplog.set_level(logging.INFO, logger=logger.name)
    with Progress(100, "training", logger, stream=io.StringIO()) as progress:
        shown = ShowProgress(progress)
        shown.on_train_begin(arguments, state, control)
        assert progress.step == 40
        for step in range(41, 46):
            state.global_step = step
            shown.on_step_end(arguments, state, control)
            assert progress.step == step
        shown.on_log(arguments, state, control, logs={"loss": 0.5, "learning_rate": 0.1})
        assert progress.step == 45
    assert "training 45/100 loss=0.5 learning_rate=0.1" in caplog.messages[-1]
