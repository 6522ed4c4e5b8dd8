"""Predictions of a language model: a text with the resulting choice, and a score for each candidate."""

import numpy as np
import pyarrow as pa
import pytest
import torch
from transformers import PreTrainedTokenizerFast

from hybrid_models import Adapter, hybrid_model
from ilora.artifacts.schemas import CANDIDATES
from ilora.configuration.sections.decoding import DecodingSection
from ilora.data.sequences import SequenceTable
from ilora.evaluation.intervals import IntervalSettings
from ilora.evaluation.metrics import measure_run
from ilora.layout import Run
from ilora.llm.inference.likelihood import score_without_sharing
from ilora.llm.inference.predicting import PromptedModel, predict
from ilora.llm.inference.prompt_batches import PreparedPrompt
from ilora.llm.model.hybrid_model import HybridLanguageModel
from ilora.llm.prompts.builder import PromptBuilder
from ilora.predictions.building import written_predictions
from ilora.predictions.checking import check_predictions
from ilora.predictions.schema import PREDICTIONS
from tiny_models import representations

TITLES = ["Alien", "The Ape", "The Ape II", "Brazil", "Casino", "Dune", "Emma", "Fargo"]
#: Validation and test sequences (2 and 3), two draws each.
SETS = [(2, 0, [7, 1, 2]), (2, 1, [0, 7, 3]), (3, 0, [4, 1, 2]), (3, 1, [3, 0, 4])]


@pytest.fixture
def candidates() -> pa.Table:
    rows = [
        {"sequence_id": sequence, "draw": draw, "candidates": items, "hash": f"{sequence}-{draw}"}
        for sequence, draw, items in SETS
    ]
    return pa.Table.from_pylist(rows, schema=CANDIDATES)


def predicted(
    hybrid: HybridLanguageModel,
    builder: PromptBuilder,
    sequences: SequenceTable,
    cut: pa.Table,
    candidates: pa.Table,
    settings: DecodingSection,
) -> pa.Table:
    gate_inputs = representations(len(sequences.keys), dtype=torch.float64)
    answers = predict(PromptedModel(hybrid, builder, "the test's"), sequences, candidates, settings, gate_inputs)
    return written_predictions(cut, candidates, answers.texts, TITLES, "ilora", answers.scores)


def test_a_row_holds_text_choice_and_scores(
    builder: PromptBuilder,
    tokenizer: PreTrainedTokenizerFast,
    sequences: SequenceTable,
    cut: pa.Table,
    candidates: pa.Table,
) -> None:
    hybrid = hybrid_model("instance_wise", len(tokenizer))
    settings = DecodingSection(batch_size=3, maximum_new_tokens=6, constrained=True)
    predictions = predicted(hybrid, builder, sequences, cut, candidates, settings)
    assert predictions.schema == PREDICTIONS
    check_predictions(predictions, "here")
    gate_inputs = representations(len(sequences.keys), dtype=torch.float64)
    for row, (sequence, draw, items) in zip(predictions.to_pylist(), SETS, strict=True):
        assert (row["sequence_id"], row["draw"], row["candidates"]) == (sequence, draw, items)
        assert row["text"] == TITLES[row["choice"]]
        prompt = PreparedPrompt(builder.prompt(sequences.histories[sequence], items), gate_inputs[sequence])
        expected = score_without_sharing(hybrid, prompt, [builder.answer(item) for item in items])
        np.testing.assert_allclose(row["scores"], expected.sums, rtol=0, atol=1e-10)


def test_metrics_know_both_ways_to_choose(
    builder: PromptBuilder,
    tokenizer: PreTrainedTokenizerFast,
    sequences: SequenceTable,
    cut: pa.Table,
    candidates: pa.Table,
) -> None:
    hybrid = hybrid_model("instance_wise", len(tokenizer))
    predictions = predicted(
        hybrid, builder, sequences, cut, candidates, DecodingSection(batch_size=4, maximum_new_tokens=6)
    )
    run = Run("movielens", "random_users", "ilora", "embedded", seed=1)
    metrics = measure_run(predictions, run, TITLES, IntervalSettings(samples=100), "here").to_pylist()
    values = {row["metric"]: row["value"] for row in metrics if row["split"] == "val_test"}
    hits = [row["candidates"][np.argmax(row["scores"])] == row["target"] for row in predictions.to_pylist()]
    assert 0 < sum(hits) < len(SETS)
    assert values["hit_ratio@1_likelihood"] == np.mean(hits)
    assert values["valid_ratio"] == values["hit_ratio@1"] == 0.0  # random text names nothing
    assert values["mrr"] > values["hit_ratio@1_likelihood"]


def test_scores_can_be_length_normalised(
    builder: PromptBuilder,
    tokenizer: PreTrainedTokenizerFast,
    sequences: SequenceTable,
    cut: pa.Table,
    candidates: pa.Table,
) -> None:
    hybrid = hybrid_model("uniform", len(tokenizer))
    sums, means = (
        predicted(
            hybrid,
            builder,
            sequences,
            cut,
            candidates,
            DecodingSection(batch_size=4, maximum_new_tokens=6, constrained=False, candidate_score=score),
        )
        for score in ("sum", "mean")
    )
    for summed, averaged in zip(sums.to_pylist(), means.to_pylist(), strict=True):
        lengths = [len(builder.answer(item)) for item in summed["candidates"]]
        np.testing.assert_allclose(np.array(summed["scores"]) / lengths, averaged["scores"])
    assert sums.drop(["scores"]).equals(means.drop(["scores"]))


@pytest.mark.parametrize("adapter", ["none", "uniform", "instance_wise", "token_collapsed"])
@pytest.mark.parametrize("constrained", [False, True])
def test_a_batch_is_answered_as_one_at_a_time(
    adapter: Adapter,
    constrained: bool,
    builder: PromptBuilder,
    tokenizer: PreTrainedTokenizerFast,
    sequences: SequenceTable,
    cut: pa.Table,
    candidates: pa.Table,
) -> None:
    hybrid = hybrid_model(adapter, len(tokenizer))
    together, apart = (
        predicted(
            hybrid,
            builder,
            sequences,
            cut,
            candidates,
            DecodingSection(batch_size=batch_size, maximum_new_tokens=6, constrained=constrained),
        )
        for batch_size in (4, 1)
    )
    assert together.drop(["scores"]).equals(apart.drop(["scores"]))
    for column in zip(together["scores"].to_pylist(), apart["scores"].to_pylist(), strict=True):
        np.testing.assert_allclose(*column, rtol=0, atol=1e-10)
