"""What a trained generator says of the validation and test sequences: ranks among all items, choices of candidates."""

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

#: Sequences that are read together; nothing depends on it but memory and time.
BATCH_SIZE = 32


@dataclass(frozen=True)
class Ranking:
    """What beam search finds.

    Attributes:
        ranks: table of schema `ilora.full_ranking.schema.RANKS`, with the ranks among ids beside those among items:
            items of one id share its places, and by id the target counts as found where its id is.
        statistics: table of schema `ilora.generative.schemas.BEAM_STATISTICS`.
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
    """Rank the target of every validation and test sequence by beam search, held to the ids of items by a trie.

    The share of valid beams is that of a second, free search over the validation sequences.

    Args:
        model: in evaluation mode.
        ids: of the items.
        sequences: all sequences.
        table: the same, of the SEQUENCES schema.
        method: its id.
        seen: leaves out of the ranking what a user had before; None ranks every item.
        logger: where progress goes.
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
        model: in evaluation mode.
        ids: of the items.
        sequences: all sequences.
        table: the same, of the SEQUENCES schema.
        candidates: table of the CANDIDATES schema.
        method: its id.
        progress: is told of every candidate set.

    Returns:
        A table of schema `ilora.predictions.schema.PREDICTIONS`.
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
