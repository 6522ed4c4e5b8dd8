"""A sample of a method's questions and answers for manual inspection."""

import hashlib
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from ilora.evaluation.answer_categories import categorise_answers
from ilora.layout import Run

#: Size and seed of the sample of test answers, the same in every study.
SAMPLE = {"rows": 50, "seed": 0}

#: One row per sampled test answer. Titles are as in the prompt: the history from the oldest on, the candidates in the
#: order of the prompt.
ANSWER_SAMPLE = pa.schema(
    [
        pa.field("dataset", pa.string(), nullable=False),
        pa.field("protocol", pa.string(), nullable=False),
        pa.field("backbone", pa.string(), nullable=False),
        pa.field("method", pa.string(), nullable=False),
        pa.field("variant", pa.string(), nullable=False),
        pa.field("seed", pa.int32(), nullable=False),  # -1 if nothing in the method is random
        pa.field("sequence_id", pa.int32(), nullable=False),
        pa.field("draw", pa.int32(), nullable=False),
        pa.field("user_id", pa.int32(), nullable=False),
        pa.field("history", pa.list_(pa.string()), nullable=False),
        pa.field("candidates", pa.list_(pa.string()), nullable=False),
        pa.field("target", pa.string(), nullable=False),
        pa.field("text", pa.string(), nullable=False),  # what the model wrote, unaltered
        pa.field("choice", pa.string()),  # title of the candidate that the text names; null if none
        pa.field("category", pa.string(), nullable=False),  # see `ilora.evaluation.answer_categories`
    ]
)


def sample_answers(predictions: pa.Table, run: Run, titles: Sequence[str], rows: int, seed: int) -> pa.Table:
    """Return a pseudo-random sample of test answers, with the same sequences and draws for every method.

    Each sequence and draw has a key, the SHA-256 of "answer_sample", the seed and the two numbers. The sample holds
    those with the smallest keys, ordered by sequence and draw.

    Args:
        predictions: rows of the PREDICTIONS schema that have passed `check_predictions`.
        run: the run that made the predictions.
        titles: title of every item, by item id.
        rows: size of the sample; all rows if there are fewer.
        seed: random seed of the sample.

    Returns:
        A table of the ANSWER_SAMPLE schema; empty for a method that writes no text.
    """
    if predictions["text"].null_count:
        return ANSWER_SAMPLE.empty_table()
    test = predictions.filter(pc.equal(predictions["split"], "test"))
    keys = list(zip(test["sequence_id"].to_pylist(), test["draw"].to_pylist(), strict=True))
    smallest = sorted(range(len(keys)), key=lambda row: _key(seed, *keys[row]))[:rows]
    shown = test.take(sorted(smallest, key=keys.__getitem__))
    sampled = [
        {
            **vars(run),
            **{name: row[name] for name in ("sequence_id", "draw", "user_id", "text")},
            "history": [titles[item] for item in row["history"]],
            "candidates": [titles[item] for item in row["candidates"]],
            "target": titles[row["target"]],
            "choice": None if row["choice"] is None else titles[row["choice"]],
            "category": category,
        }
        for row, category in zip(shown.to_pylist(), categorise_answers(shown, titles), strict=True)
    ]
    return pa.Table.from_pylist(sampled, schema=ANSWER_SAMPLE)


def _key(seed: int, sequence: int, draw: int) -> str:
    return hashlib.sha256(f"answer_sample/{seed}/{sequence}/{draw}".encode()).hexdigest()
