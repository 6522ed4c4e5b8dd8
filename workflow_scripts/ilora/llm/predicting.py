"""From frozen candidate sets to the predictions of a language model."""

from collections.abc import Sequence

import pyarrow as pa
import torch
from transformers import PreTrainedTokenizerBase

from ilora.artifacts.schemas import PREDICTIONS
from ilora.data.sequences import SequenceTable
from ilora.evaluation.validity import resolve_choice
from ilora.llm.generation import DecodingSettings, Question, generate_answers
from ilora.llm.hybrid_model import HybridLanguageModel
from ilora.llm.prompts import PromptBuilder
from ilora.progress import Progress


def predict_by_generation(
    model: HybridLanguageModel,
    tokenizer: PreTrainedTokenizerBase,
    builder: PromptBuilder,
    titles: Sequence[str],
    sequences: SequenceTable,
    candidates: pa.Table,
    representations: torch.Tensor | None,
    method: str,
    settings: DecodingSettings,
    progress: Progress,
) -> pa.Table:
    """Answer every candidate set by greedy text and read each answer as a choice.

    Args:
        model: with or without an adapter.
        tokenizer: of the backbone.
        builder: writes the prompts.
        titles: by item id.
        sequences: those that the candidate sets belong to.
        candidates: schema `CANDIDATES`.
        representations: z of every sequence, float (sequences, d); needed by an instance-wise adapter.
        method: the method's name.
        settings: of the decoding.
        progress: over the candidate sets.

    Returns:
        A table of schema `PREDICTIONS`, in the order of the candidate sets, without scores.
    """
    asked = candidates.to_pylist()
    questions = [
        Question(
            builder.prompt(sequences.histories[row["sequence_id"]], row["candidates"]),
            None if representations is None else representations[row["sequence_id"]],
        )
        for row in asked
    ]
    answers = generate_answers(model, tokenizer, builder.newline, questions, settings, progress)
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
            "scores": None,
            "text": answer,
            "choice": resolve_choice(answer, row["candidates"], titles),
        }
        for row, answer in zip(asked, answers, strict=True)
    ]
    return pa.Table.from_pylist(rows, schema=PREDICTIONS)
