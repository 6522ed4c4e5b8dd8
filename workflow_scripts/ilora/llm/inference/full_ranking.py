"""Full ranking by a language model: likelihood of every title, with prompts that list no candidates."""

import logging
import math
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import torch

from ilora.configuration.sections.decoding import DecodingSection
from ilora.full_ranking.ranks import AllScores, ScoreAll, rank_targets
from ilora.full_ranking.seen_items import SeenItems
from ilora.llm.inference.catalogue_likelihood import NODES_IN_A_BLOCK, TokensRead, score_catalogue
from ilora.llm.inference.catalogue_tree import CatalogueTree
from ilora.llm.inference.predicting import PromptedModel
from ilora.llm.inference.prompt_batches import PreparedPrompt
from ilora.llm.inference.ranking_plan import RankingPlan
from ilora.llm.prompts.builder import PromptBuilder, TokenisedPrompt, answering_seed
from ilora.llm.prompts.context import report_cut_histories
from ilora.progress import Progress

#: Tolerance of planned prompt tokens: if prompts have several texts, each seed draws its own; plans use the first seed.
_TEXTS_DIFFER_BY = 0.05


def catalogue_tree(builder: PromptBuilder) -> CatalogueTree:
    """Build the trie over the titles of all items, each with its end."""
    return CatalogueTree.of([builder.answer(item) for item in range(len(builder.titles))], NODES_IN_A_BLOCK)


def open_prompt(builder: PromptBuilder, sequence_id: int, history: Sequence[int], seed: int) -> TokenisedPrompt:
    """Write the prompt with which all items are ranked for a sequence.

    Args:
        builder: builder of prompts that list no candidates.
        sequence_id: id of the sequence, which seeds the draw if there are several texts.
        history: item ids.
        seed: random seed of the method.

    Raises:
        ValueError: if prompts list candidates.
    """
    if builder.style.candidates != "none":
        raise ValueError(
            "prompt.candidates: found listed, expected none: a prompt that lists candidates does not ask for any item "
            "of the catalogue"
        )
    return builder.prompt(history, [], builder.draw_text(answering_seed(seed, sequence_id)))


def score_all_by_likelihood(
    prompted: PromptedModel,
    decoding: DecodingSection,
    gate_inputs: torch.Tensor | None,
    progress: Progress,
    read: TokensRead,
) -> ScoreAll:
    """Return a function that scores every item by the log-probability of its title, including its end.

    Items with the same title have exactly the same score and are tied.

    Args:
        prompted: the model; its prompts list no candidates.
        decoding: decoding settings; they set the batch size.
        gate_inputs: gate input of every sequence, float (sequences, width); None without such a gate.
        progress: updated after every batch of sequences.
        read: counter that accumulates the tokens processed.

    Raises:
        ValueError: see `open_prompt`. The returned function raises the errors of `score_catalogue`.
    """
    builder = prompted.builder
    tree = catalogue_tree(builder)

    def score(block: pa.Table) -> AllScores:
        prompts = [
            PreparedPrompt(
                open_prompt(builder, number, history, prompted.seed),
                None if gate_inputs is None else gate_inputs[number],
            )
            for number, history in zip(block["sequence_id"].to_pylist(), block["history"].to_pylist(), strict=True)
        ]
        scores = score_catalogue(prompted.model, prompts, tree, decoding.batch_size, progress, read)
        return np.stack([one.sums for one in scores])

    return score


def rank_by_likelihood(
    prompted: PromptedModel,
    sequences: pa.Table,
    method: str,
    decoding: DecodingSection,
    plan: RankingPlan,
    seen: SeenItems | None,
    gate_inputs: torch.Tensor | None,
    logger: logging.Logger,
) -> pa.Table:
    """Rank the target of each val and test sequence among all items, and log tokens processed against tokens planned.

    Args:
        prompted: the model; its prompts list no candidates.
        sequences: table of the SEQUENCES schema.
        method: id of the method.
        decoding: as in `score_all_by_likelihood`.
        plan: plan of this ranking.
        seen: items that the user had before the target, which are excluded from the ranking; None ranks every item.
        gate_inputs: as in `score_all_by_likelihood`.
        logger: logger for progress and messages.

    Returns:
        Table of the RANKS schema.

    Raises:
        ValueError: see `ilora.full_ranking.ranks.rank_targets` and `score_all_by_likelihood`.
        FloatingPointError: if a score is not finite.
    """
    items, read, description = len(prompted.builder.titles), TokensRead(), f"ranking all items with {prompted.name}"
    report_cut_histories(plan.cut, plan.histories, description, logger)
    with Progress(plan.histories, description, logger) as progress:
        score = score_all_by_likelihood(prompted, decoding, gate_inputs, progress, read)
        ranks = rank_targets(sequences, score, items=items, method=method, seen=seen)
    planned = plan.prompt_tokens, plan.histories * plan.title_tokens
    kept_to = math.isclose(read.prompts, planned[0], rel_tol=_TEXTS_DIFFER_BY) and read.titles == planned[1]
    logger.log(
        logging.INFO if kept_to else logging.WARNING,
        "%s: %d targets ranked among %d items; read %d tokens of prompts (planned: %d) and %d of titles (planned: %d), "
        "and %d of padding",
        method,
        ranks.num_rows,
        items,
        read.prompts,
        planned[0],
        read.titles,
        planned[1],
        read.padding,
    )
    return ranks
