"""The messages for frozen candidate sets."""

from collections.abc import Sequence

import pyarrow as pa

from ilora.baselines.chat.prompts import Message, ranked_messages, text_messages
from ilora.datasets.wording import PromptWording
from ilora.predictions.building import sequences_of


def text_questions(
    sequences: pa.Table, candidates: pa.Table, titles: Sequence[str], wording: PromptWording
) -> list[tuple[Message, ...]]:
    """Write the text prompt of every candidate set, with the candidates in their frozen order.

    Args:
        sequences: table of the SEQUENCES schema.
        candidates: table of the CANDIDATES schema.
        titles: titles by item id.
        wording: the data set's sentences.

    Raises:
        ValueError: see `sequences_of`.
    """
    return [
        text_messages(wording, _named(history, titles), _named(listed, titles))
        for history, listed in zip(_histories(sequences, candidates), candidates["candidates"].to_pylist(), strict=True)
    ]


def ranked_questions(
    sequences: pa.Table, candidates: pa.Table, ranking: pa.Table, titles: Sequence[str], wording: PromptWording
) -> list[tuple[Message, ...]]:
    """Write the dialogue for every candidate set, with the candidates ranked by a recommender.

    Args:
        sequences: table of the SEQUENCES schema.
        candidates: table of the CANDIDATES schema.
        ranking: the recommender's table of the PREDICTIONS schema, with scores for each of these candidate sets.
        titles: titles by item id.
        wording: the data set's sentences.

    Raises:
        ValueError: the recommender scored other candidate sets; see also `sequences_of`.
    """
    scores = dict(zip(ranking["candidates_hash"].to_pylist(), ranking["scores"].to_pylist(), strict=True))
    questions = []
    for history, row in zip(_histories(sequences, candidates), candidates.to_pylist(), strict=True):
        if row["hash"] not in scores:
            raise ValueError(
                f"the recommender did not score the candidate set of sequence {row['sequence_id']}, draw "
                f"{row['draw']}. Delete its predictions.parquet and run the workflow again."
            )
        ranked = _ranked(row["candidates"], scores[row["hash"]])
        questions.append(ranked_messages(wording, _named(history, titles), _named(ranked, titles)))
    return questions


def _ranked(candidates: Sequence[int], scores: Sequence[float]) -> list[int]:
    """Return the candidates from the highest score to the lowest; ties keep their order."""
    order = sorted(range(len(candidates)), key=lambda place: -scores[place])
    return [candidates[place] for place in order]


def _histories(sequences: pa.Table, candidates: pa.Table) -> list[list[int]]:
    return sequences_of(sequences, candidates)["history"].to_pylist()


def _named(items: Sequence[int], titles: Sequence[str]) -> list[str]:
    return [titles[item] for item in items]
