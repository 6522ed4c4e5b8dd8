"""Switches for the released code's behaviour: curriculum counter, prompts per batch, projector, best epoch."""

import math
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import TrainerControl, TrainerState, TrainingArguments

from ilora.artifacts.tensors import write_tensors
from ilora.configuration.tuning import TuningSettings
from ilora.data.sequences import SequenceTable
from ilora.llm.model.projector import Projector
from ilora.llm.prompts.builder import NO_ITEM, PromptBuilder, PromptStyle, answering_seed
from ilora.llm.training.callbacks import KeepBestEpoch
from ilora.llm.training.fine_tuning import FineTuningExamples
from ilora.llm.training.hit_ratio import hit_ratio
from ilora.llm.training.tuning_job import TuningJob, prepare_tuning, run_tuning
from small_tuning import SMALL_TUNING, tensors, with_finetuning, with_values

BATCH, EPOCHS, ROWS = 4, 5, 800


@pytest.fixture(scope="module")
def many(sequences: SequenceTable) -> SequenceTable:
    """A training split of 800 sequences, with the validation split unchanged."""
    first = int(sequences.rows("train")[0])
    training = [first] * ROWS
    rows = [*training, *sequences.rows("val")]
    return SequenceTable(
        keys=[sequences.keys[row] for row in rows],
        user_ids=sequences.user_ids[rows],
        histories=[sequences.histories[row] for row in rows],
        targets=sequences.targets[rows],
    )


def examples(sequences: SequenceTable, builder: PromptBuilder, **values: object) -> FineTuningExamples:
    settings: TuningSettings = with_values(SMALL_TUNING, batch_size=BATCH, steps=None, epochs=EPOCHS, **values)
    return FineTuningExamples(sequences, builder, None, settings)


def hybrid_batches(drawn: FineTuningExamples) -> list[bool]:
    """Return for each batch whether it contains behaviour tokens, and check that all its sequences agree."""
    told = []
    for begin in range(0, len(drawn), BATCH):
        kinds = {any(index != NO_ITEM for index in drawn[begin + row].behaviour) for row in (0, BATCH - 1)}
        assert len(kinds) == 1
        told.append(kinds.pop())
    return told


@pytest.mark.parametrize(("counter", "share"), [("training", 0.5), ("epoch", 0.1)])
def test_the_curriculum_by_what_it_counts(
    many: SequenceTable, builder: PromptBuilder, counter: str, share: float
) -> None:
    told = hybrid_batches(examples(many, builder, curriculum=True, curriculum_counter=counter))
    assert len(told) == EPOCHS * ROWS // BATCH == 1000
    assert sum(told) / len(told) == pytest.approx(share, abs=0.03)
    thresholds = [batch / 1000 if counter == "training" else batch % 200 / 1000 for batch in range(1000)]
    assert sum(thresholds) / 1000 == pytest.approx(share, abs=0.001)
    draws = [np.random.default_rng([SMALL_TUNING.seed, 1, batch]).random() for batch in range(1000)]
    assert told == [draw < threshold for draw, threshold in zip(draws, thresholds, strict=True)]


def test_what_is_drawn_for_fewer_sequences_than_a_batch(many: SequenceTable, builder: PromptBuilder) -> None:
    drawn = examples(many, builder, curriculum=True, sequences_per_draw=2)
    kinds = [any(index != NO_ITEM for index in drawn[position].behaviour) for position in range(1600, 2400)]
    pairs = [kinds[begin : begin + 2] for begin in range(0, 800, 2)]
    assert all(first == second for first, second in pairs)
    halves = [pairs[begin][0] != pairs[begin + 1][0] for begin in range(0, 400, 2)]
    assert 0.3 < sum(halves) / len(halves) < 0.7


@pytest.mark.parametrize("per_draw", [None, 2])
def test_a_prompt_is_drawn_for_each_batch(many: SequenceTable, builder: PromptBuilder, per_draw: int | None) -> None:
    style = PromptStyle("history_first", "none", texts="sentences")
    tokenizer = builder.tokenizer
    sentences = PromptBuilder(tokenizer, builder.title_texts, style, SMALL_TUNING.wording)
    drawn = examples(many, sentences, prompt_texts="sentences", sequences_per_draw=per_draw)
    written = [tokenizer.decode(list(drawn[position].token_ids)) for position in range(240)]
    marks = ("Candidates:", "One of these comes next:", "Recommend what to choose next")
    texts = [[mark in prompt for mark in marks].index(True) for prompt in written]
    size = per_draw or BATCH
    expected = [int(np.random.default_rng([SMALL_TUNING.seed, 2, draw]).integers(3)) for draw in range(240 // size)]
    assert texts == [text for text in expected for _ in range(size)]
    assert set(texts) == {0, 1, 2}


def test_validation_asks_each_question_in_a_text_of_its_own(many: SequenceTable, builder: PromptBuilder) -> None:
    style = PromptStyle("history_first", "none", texts="sentences")
    sentences = PromptBuilder(builder.tokenizer, builder.title_texts, style, SMALL_TUNING.wording)
    drawn = examples(many, sentences, prompt_texts="sentences")
    measured = [drawn.validation()[number].token_ids for number in range(len(drawn.validation()))]
    questions = drawn.validation_questions()
    assert len(questions) == len(measured) == len(many.rows("val")) > 0
    for number, (question, tokens) in enumerate(zip(questions, measured, strict=True)):
        text = sentences.draw_text(answering_seed(SMALL_TUNING.seed, number))
        row = int(many.rows("val")[number])
        assert question.prompt == sentences.prompt(many.histories[row], question.candidates, text)
        assert list(tokens) == [*question.prompt.token_ids, *sentences.answer(question.target)]


def test_epochs_end_after_the_batch_that_completes_them(many: SequenceTable, builder: PromptBuilder) -> None:
    assert examples(many, builder).epoch_ends == [200, 400, 600, 800, 1000]
    uneven = with_values(SMALL_TUNING, batch_size=300, steps=None, epochs=2.5)
    drawn = FineTuningExamples(many, builder, None, uneven)
    assert drawn.epoch_ends == [math.ceil(800 / 300), math.ceil(1600 / 300), math.ceil(2000 / 300)]
    assert FineTuningExamples(many, builder, None, with_values(SMALL_TUNING, steps=7)).epoch_ends == [7]


def test_the_projector_that_tuning_begins_with(job: TuningJob, tmp_path: Path) -> None:
    torch.manual_seed(9)
    own = Projector(4, 32)
    write_tensors(own.state_dict(), tmp_path / "projector.safetensors")
    with_own = TuningJob(
        **{**vars(job), "inputs": {**job.inputs, "projector": str(tmp_path / "projector.safetensors")}}
    )

    def first(given: TuningJob, start: str) -> Projector:
        projector = prepare_tuning(with_finetuning(given, start, projector_start=start))[0].projector
        assert projector is not None
        return projector

    assert torch.equal(first(with_own, "pretrained").contract.weight, own.contract.weight)
    torch.manual_seed(job.settings.seed)
    drawn = Projector(4, 32)
    unscaled, scaled = first(with_own, "unscaled"), first(with_own, "scaled")
    assert all(torch.equal(unscaled.state_dict()[name], drawn.state_dict()[name]) for name in drawn.state_dict())
    factor = (scaled.contract.weight / drawn.contract.weight).detach()
    assert float(factor.mean()) != pytest.approx(1, abs=0.05)
    torch.testing.assert_close(factor, torch.full_like(factor, float(factor.mean())), rtol=1e-4, atol=0)
    assert torch.equal(first(job, "pretrained").contract.weight, scaled.contract.weight)


def test_the_best_epoch_by_validation_is_taken(job: TuningJob, monkeypatch: pytest.MonkeyPatch) -> None:
    told = iter([0.1, 0.4, 0.2])
    monkeypatch.setattr("ilora.llm.training.hit_ratio.hit_ratio", lambda *_: next(told))
    # With two training sequences, an epoch is one batch of two.
    best = with_finetuning(job, "best", batch_size=2, steps=3, learning_rate=0.05, snapshots=[1, 2, 3], best_epoch=True)
    run_tuning(best)
    after = {step: tensors(best.snapshot(step)) for step in (1, 2, 3)}
    found = tensors(best.adapter)
    same = {step for step, state in after.items() if all(torch.equal(found[name], state[name]) for name in found)}
    assert same == {2}


@pytest.mark.parametrize(
    ("scores", "chosen"), [([0.1, 0.4, 0.2], 6), ([0.3, 0.3, 0.3], 3), ([0.0, 0.1, 0.2], 8)], ids=str
)
def test_of_epochs_that_are_as_good_the_earliest_is_taken(tmp_path: Path, scores: list[float], chosen: int) -> None:
    model, told = torch.nn.Linear(1, 1), iter(scores)
    keep = KeepBestEpoch(model, tmp_path, [3, 6, 8], lambda: next(told))
    arguments, control = TrainingArguments(str(tmp_path), use_cpu=True), TrainerControl()
    for step in range(1, 9):
        torch.nn.init.constant_(model.weight, step)
        keep.on_step_end(arguments, TrainerState(global_step=step), control)
    torch.nn.init.constant_(model.weight, 99)
    best = keep.restore()
    assert (best.step, best.score, model.weight.detach().item()) == (chosen, max(scores), chosen)


def test_measuring_epochs_changes_no_step(job: TuningJob) -> None:
    values = {"batch_size": 2, "steps": 4, "lora_dropout": 0.3, "snapshots": [1, 2, 3]}
    measured = with_finetuning(job, "measured", **values, best_epoch=True)
    plain = with_finetuning(job, "plain", **values)
    for each in (measured, plain):
        run_tuning(each)
    for step in (1, 2, 3):
        expected, found = tensors(plain.snapshot(step)), tensors(measured.snapshot(step))
        assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())


def test_the_hit_ratio_is_the_share_of_right_answers(job: TuningJob, monkeypatch: pytest.MonkeyPatch) -> None:
    model, data = prepare_tuning(job)
    questions = data.validation_questions() * 4
    right = data.builder.title_texts[questions[0].target]
    wrong = next(data.builder.title_texts[item] for item in questions[0].candidates if item != questions[0].target)
    texts = [right, wrong, f"{right}!", "", *([right] * (len(questions) - 4))]
    monkeypatch.setattr("ilora.llm.training.hit_ratio.generate_answers", lambda *_: texts)
    found = hit_ratio(model, data.builder, questions, job.settings)
    targets = [question.target == questions[0].target for question in questions]
    assert all(targets) and found == (len(questions) - 3) / len(questions)
    assert model.training


def test_a_training_taken_up_again_knows_its_earlier_epochs(job: TuningJob, monkeypatch: pytest.MonkeyPatch) -> None:
    values = {"batch_size": 2, "steps": 4, "snapshots": [], "checkpoint_every": 2, "log_every": 1, "best_epoch": True}
    whole, killed = with_finetuning(job, "whole", **values), with_finetuning(job, "killed", **values)
    scores = {1: 0.5, 2: 0.1, 3: 0.2, 4: 0.3}
    measured: list[int] = []

    def score(*_: object) -> float:
        measured.append(len(measured) + 1)
        if stop and measured[-1] == 4:
            raise KeyboardInterrupt
        return scores[measured[-1]]

    monkeypatch.setattr("ilora.llm.training.hit_ratio.hit_ratio", score)
    stop = False
    run_tuning(whole)
    stop, measured[:] = True, []
    with pytest.raises(KeyboardInterrupt):
        run_tuning(killed)
    stop, measured[:] = False, [1, 2]
    run_tuning(killed)
    assert [len(list(group)) for _, group in groupby(measured)] == [1, 1, 1, 1]
    expected, found = tensors(whole.adapter), tensors(killed.adapter)
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())
