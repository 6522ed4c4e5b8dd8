"""A fine-tuning job: gradient accumulation, early stopping, length grouping, signals."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch

from ilora.adapters.labels import IGNORED_LABEL
from ilora.endings import Interrupted
from ilora.llm.training.fine_tuning import FineTuningExamples
from ilora.llm.training.tuning_job import TuningJob, prepare_tuning, read_job, run_tuning, write_job
from small_tuning import contents, losses, tensors, with_finetuning


def test_a_job_comes_back_from_its_file(job: TuningJob, tmp_path: Path) -> None:
    write_job(job, tmp_path / "job.json")
    run_tuning(with_finetuning(job, "direct", steps=2, snapshots=[]))
    run_tuning(with_finetuning(read_job(tmp_path / "job.json"), "read", steps=2, snapshots=[]))
    assert contents(Path(f"{job.folder}-read/adapter")) == contents(Path(f"{job.folder}-direct/adapter"))


@pytest.mark.slow
@pytest.mark.parametrize("parts", [2, 4])
def test_a_step_is_the_same_in_however_many_parts(job: TuningJob, parts: int) -> None:
    whole = with_finetuning(job, "whole")
    divided = with_finetuning(job, "divided", gradient_accumulation=parts)
    for each in (whole, divided):
        run_tuning(each)
    # Titles differ in length, so the mean over parts is not the mean over the batch.
    answers = {len(prepare_tuning(whole)[1].example(row, 0).token_ids) for row in (0, 1)}
    assert len(answers) == 2
    assert losses(divided) == pytest.approx(losses(whole), rel=1e-4)
    expected = tensors(whole.adapter)
    found = tensors(divided.adapter)
    assert expected.keys() == found.keys()
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, rtol=1e-3, atol=1e-5)


@pytest.mark.slow
def test_gradient_checkpointing_changes_nothing(job: TuningJob) -> None:
    kept = with_finetuning(job, "kept")
    recomputed = with_finetuning(job, "recomputed", gradient_checkpointing=True)
    for each in (kept, recomputed):
        run_tuning(each)
    assert losses(recomputed) == losses(kept)
    assert contents(recomputed.adapter) == contents(kept.adapter)


@pytest.mark.slow
def test_interrupted_after_each_step_equals_undisturbed(job: TuningJob, monkeypatch: pytest.MonkeyPatch) -> None:
    common = {"steps": 6, "snapshots": [2, 4], "log_every": 1, "checkpoint_every": 100}
    undisturbed = with_finetuning(job, "undisturbed", **common)
    run_tuning(undisturbed)
    disturbed = with_finetuning(job, "disturbed", **common)
    example: Callable[..., object] = FineTuningExamples.__getitem__

    def tell_each_time(self: FineTuningExamples, position: int) -> object:
        os.kill(os.getpid(), signal.SIGTERM)
        return example(self, position)

    before = signal.getsignal(signal.SIGTERM)
    with monkeypatch.context() as patched:
        patched.setattr(FineTuningExamples, "__getitem__", tell_each_time)
        for step in range(1, 6):
            with pytest.raises(Interrupted, match=f"after step {step} of 6"):
                run_tuning(disturbed)
            assert signal.getsignal(signal.SIGTERM) is before
    run_tuning(disturbed)
    assert contents(disturbed.adapter) == contents(undisturbed.adapter)
    assert disturbed.training_log.read_bytes() == undisturbed.training_log.read_bytes()
    for step in (2, 4):
        assert contents(disturbed.snapshot(step)) == contents(undisturbed.snapshot(step))


@pytest.mark.slow
def test_training_stops_when_validation_no_longer_improves_and_goes_back(job: TuningJob) -> None:
    steps = list(range(2, 41, 2))
    common = {"steps": 40, "validation_every": 2, "learning_rate": 0.05, "checkpoint_every": 6}
    measured = with_finetuning(job, "measured", **common, snapshots=steps)
    run_tuning(measured)
    log = pq.read_table(measured.training_log).to_pydict()
    values = {step: loss for step, loss in zip(log["step"], log["validation_loss"], strict=True) if loss is not None}
    assert list(values) == steps
    stopped = with_finetuning(job, "stopped", **common, snapshots=[], patience=3)
    run_tuning(stopped)
    last = pq.read_table(stopped.training_log)["step"].to_pylist()[-1]
    seen = {step: loss for step, loss in values.items() if step <= last}
    best = min(seen, key=lambda step: seen[step])
    assert last == best + 3 * 2 < 40
    expected, found = tensors(measured.snapshot(best)), tensors(stopped.adapter)
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())


@pytest.mark.slow
def test_early_stopping_survives_an_interruption(job: TuningJob, monkeypatch: pytest.MonkeyPatch) -> None:
    common = {"steps": 40, "validation_every": 2, "learning_rate": 0.05, "snapshots": [], "patience": 3, "log_every": 1}
    undisturbed = with_finetuning(job, "undisturbed", **common)
    run_tuning(undisturbed)
    disturbed = with_finetuning(job, "disturbed", **common)
    example: Callable[..., object] = FineTuningExamples.__getitem__

    def tell_late(self: FineTuningExamples, position: int) -> object:
        if position > 4 * 9:
            os.kill(os.getpid(), signal.SIGTERM)
        return example(self, position)

    with monkeypatch.context() as patched:
        patched.setattr(FineTuningExamples, "__getitem__", tell_late)
        with pytest.raises(Interrupted):
            run_tuning(disturbed)
    run_tuning(disturbed)
    assert contents(disturbed.adapter) == contents(undisturbed.adapter)
    assert disturbed.training_log.read_bytes() == undisturbed.training_log.read_bytes()


def test_validation_sees_the_frozen_candidate_sets_of_validation_users_alone(job: TuningJob) -> None:
    validation = prepare_tuning(job)[1].validation()
    assert len(validation) == 1
    example = validation[0]
    builder = prepare_tuning(job)[1].example(2, draw=0)
    assert example.token_ids == builder.token_ids
    assert any(label != IGNORED_LABEL for label in example.labels)


def test_batches_of_one_length_hold_every_sequence_once_a_pass(job: TuningJob) -> None:
    grouped = with_finetuning(job, "grouped", length_grouped=True, batch_size=2, steps=4, snapshots=[])
    examples = prepare_tuning(grouped)[1]
    again = prepare_tuning(grouped)[1]
    drawn = [tuple(examples[position].token_ids) for position in range(len(examples))]
    assert drawn == [tuple(again[position].token_ids) for position in range(len(again))]
    for number in range(4):
        of_pass = {tuple(examples.example(row, number).token_ids) for row in (0, 1)}
        assert set(drawn[2 * number : 2 * number + 2]) == of_pass
        # transformers' order: the longest first in each group of batches.
        lengths = [len(tokens) for tokens in drawn[2 * number : 2 * number + 2]]
        assert lengths == sorted(lengths, reverse=True)
