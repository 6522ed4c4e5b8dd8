"""From frozen candidate sets to a language model's predictions: what it writes, and how likely each candidate is."""

import logging
from collections.abc import Sequence

import pyarrow as pa
import torch
from transformers import PreTrainedTokenizerBase

from ilora.artifacts.schemas import PREDICTIONS
from ilora.data.sequences import SequenceTable
from ilora.evaluation.validity import resolve_choice
from ilora.llm.inference.generation import DecodingSettings, generate_answers
from ilora.llm.inference.likelihood import score_answers
from ilora.llm.inference.prompt_batches import Question
from ilora.llm.model.hybrid_model import HybridLanguageModel
from ilora.llm.prompts.answer_length import report_unanswerable_titles
from ilora.llm.prompts.builder import PromptBuilder
from ilora.llm.prompts.context import report_cut_histories
from ilora.progress import Progress


def predict(
    model: HybridLanguageModel,
    tokenizer: PreTrainedTokenizerBase,
    builder: PromptBuilder,
    titles: Sequence[str],
    sequences: SequenceTable,
    candidates: pa.Table,
    guidance: torch.Tensor | None,
    method: str,
    settings: DecodingSettings,
    description: str,
    logger: logging.Logger,
) -> pa.Table:
    """Answer every candidate set by greedy text, read each answer as a choice, and score the candidates by likelihood.

    Args:
        model: with or without an adapter.
        tokenizer: of the backbone.
        builder: writes the prompts.
        titles: by item id.
        sequences: those that the candidate sets belong to.
        candidates: schema `CANDIDATES`.
        guidance: what a gate reads for every sequence, float (sequences, width); None without such a gate.
        method: the method's name.
        settings: of the decoding.
        description: what the progress display calls the model.
        logger: where progress goes.

    Returns:
        A table of schema `PREDICTIONS`, in the order of the candidate sets. The choice is the text's; the scores are
        log-probabilities of the candidates' titles, by which they can be chosen or ranked a second way.

    Raises:
        FloatingPointError: if a score is not finite.
    """
    asked = candidates.to_pylist()
    questions = [
        Question(
            builder.prompt(sequences.histories[row["sequence_id"]], row["candidates"]),
            None if guidance is None else guidance[row["sequence_id"]],
        )
        for row in asked
    ]
    cut = sum(question.prompt.cut > 0 for question in questions)
    report_cut_histories(cut, len(questions), f"answering with {description}", logger)
    if not settings.constrained:
        lengths = {item: len(builder.titles[item]) for row in asked for item in row["candidates"]}
        targets = [int(sequences.targets[row["sequence_id"]]) for row in asked]
        report_unanswerable_titles(
            lengths, targets, settings.maximum_new_tokens, f"answering with {description}", logger
        )
    possible = [[builder.answer(item) for item in row["candidates"]] for row in asked]
    with Progress(len(asked), f"answering with {description}", logger) as progress:
        allowed = possible if settings.constrained else None
        answers = generate_answers(model, tokenizer, builder.stops, questions, settings, progress, allowed)
    with Progress(len(asked), f"scoring candidates with {description}", logger) as progress:
        scores = score_answers(model, questions, possible, settings.batch_size, progress)
    rows = [
        {
            "sequence_id": row["sequence_id"],
            "split": sequences.keys[row["sequence_id"]].split,
            "user_id": int(sequences.user_ids[row["sequence_id"]]),
            "draw": row["draw"],
            "method": method,
            "candidates_hash": row["hash"],
            "history": sequences.histories[row["sequence_id"]],
            "target": int(sequences.targets[row["sequence_id"]]),
            "candidates": row["candidates"],
            "scores": scored.sums if settings.candidate_score == "sum" else scored.means,
            "text": answer,
            "choice": resolve_choice(answer, row["candidates"], titles),
        }
        for row, answer, scored in zip(asked, answers, scores, strict=True)
    ]
    return pa.Table.from_pylist(rows, schema=PREDICTIONS)
