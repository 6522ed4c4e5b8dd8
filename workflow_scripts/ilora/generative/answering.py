"""A trained generator's results on validation and test sequences: ranks among all items, and candidate choices."""

import logging
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import torch

from ilora.data.sequences import SequenceTable
from ilora.full_ranking.lists import scores_of_lists
from ilora.full_ranking.ranks import AllScores, rank_targets
from ilora.full_ranking.seen_items import SeenItems
from ilora.generative.beam_search import Beams, IdTrie, ranked_ids, search, valid_share
from ilora.generative.examples import IdExamples, collate
from ilora.generative.generator import Generator
from ilora.generative.likelihood import log_likelihoods
from ilora.generative.schemas import BEAM_STATISTICS
from ilora.generative.semantic_ids import SemanticIds
from ilora.predictions.building import scored_predictions
from ilora.predictions.scores import candidate_matrix
from ilora.progress import Progress

#: Number of sequences per batch; it affects only memory and time.
BATCH_SIZE = 32


@dataclass(frozen=True)
class Ranking:
    """The results of beam search.

    Attributes:
        ranks: table of the schema `ilora.full_ranking.schema.RANKS`, with ranks among items and among ids. Items with
            the same id are tied; in the ranks among ids, the target has the rank of its id.
        statistics: table of the schema `ilora.generative.schemas.BEAM_STATISTICS`.
    """

    ranks: pa.Table
    statistics: pa.Table


def rank_all_items(
    model: Generator,
    ids: SemanticIds,
    sequences: SequenceTable,
    table: pa.Table,
    method: str,
    seen: SeenItems | None,
    logger: logging.Logger,
) -> Ranking:
    """Rank the target of every validation and test sequence by beam search, constrained to item ids by a trie.

    The share of valid beams comes from a second, unconstrained search over the validation sequences.

    Args:
        model: generator in evaluation mode.
        ids: ids of the items.
        sequences: all sequences.
        table: the same sequences as a table of the SEQUENCES schema.
        method: id of the method.
        seen: items that a user had before, which are excluded from the ranking; None ranks every item.
        logger: logger for progress.
    """
    values, vocabulary = model.shape.values, model.shape.vocabulary
    tokens = vocabulary.item_tokens(ids)
    trie = IdTrie(tokens)

    def searched(rows: np.ndarray, held_by: IdTrie | None, description: str) -> list[Beams]:
        examples = IdExamples(sequences, rows, tokens, vocabulary, values.maximum_history)
        with Progress(len(rows), description, logger) as progress:
            return list(search(model, examples, held_by, values.beams, BATCH_SIZE, progress))

    asked = np.concatenate([sequences.rows("val"), sequences.rows("test")])
    found = dict(zip(asked.tolist(), searched(asked, trie, f"{method}: beam search"), strict=True))
    groups = ids.groups

    def score(block: pa.Table) -> AllScores:
        lists = [ranked_ids(found[row], trie) for row in block["sequence_id"].to_pylist()]
        return scores_of_lists(lists, groups)

    ranks = rank_targets(table, score, items=ids.items, method=method, seen=seen, ids=groups)
    free = searched(sequences.rows("val"), None, f"{method}: free beam search")
    row = {"split": "val", "beams": values.beams, "valid_share": valid_share(free, trie)}
    return Ranking(ranks, pa.Table.from_pylist([row], schema=BEAM_STATISTICS))


def predict_candidates(
    model: Generator,
    ids: SemanticIds,
    sequences: SequenceTable,
    table: pa.Table,
    candidates: pa.Table,
    method: str,
    progress: Progress,
) -> pa.Table:
    """Choose among the frozen candidates by the exact log-likelihoods of their ids.

    Args:
        model: generator in evaluation mode.
        ids: ids of the items.
        sequences: all sequences.
        table: the same sequences as a table of the SEQUENCES schema.
        candidates: table of the CANDIDATES schema.
        method: id of the method.
        progress: updated after every batch of candidate sets.

    Returns:
        Table of the schema `ilora.predictions.schema.PREDICTIONS`.
    """
    values, vocabulary = model.shape.values, model.shape.vocabulary
    tokens = vocabulary.item_tokens(ids)
    examples = IdExamples(sequences, candidates["sequence_id"].to_numpy(), tokens, vocabulary, values.maximum_history)
    item_ids = torch.from_numpy(candidate_matrix(candidates).astype(np.int64))
    scores = []
    for rows in torch.arange(len(examples)).split(BATCH_SIZE):
        batch = collate([examples[int(row)] for row in rows])
        found = log_likelihoods(model, batch["input_ids"], batch["attention_mask"], tokens[item_ids[rows]])
        scores.append(found.numpy())
        progress.update(n=len(rows))
    return scored_predictions(table, candidates, np.concatenate(scores), method)
