"""From frozen candidate sets to a language model's answers: what it writes, and how likely each candidate is."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray

from ilora.configuration.sections.decoding import DecodingSection
from ilora.data.sequences import SequenceTable
from ilora.llm.inference.generation import generate_answers
from ilora.llm.inference.likelihood import score_answers
from ilora.llm.inference.prompt_batches import PreparedPrompt
from ilora.llm.model.hybrid_model import HybridLanguageModel
from ilora.llm.prompts.builder import PromptBuilder, answering_seed
from ilora.llm.prompts.context import report_cut_histories
from ilora.progress import Progress

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class PromptedModel:
    """A language model that can be asked about items.

    Attributes:
        model: with or without an adapter.
        builder: writes its prompts.
        name: what the log and the progress display call it.
        seed: of the texts that its prompts have, where there are several.
    """

    model: HybridLanguageModel
    builder: PromptBuilder
    name: str
    seed: int = 0


@dataclass(frozen=True)
class ModelOutputs:
    """What a model says of some candidate sets, in their order.

    Attributes:
        texts: what it writes: the first line that is not blank.
        scores: log-probability of each candidate's title, float64 (candidates,) each.
    """

    texts: list[str]
    scores: list[NDArray[np.float64]]


def predict(
    prompted: PromptedModel,
    sequences: SequenceTable,
    candidates: pa.Table,
    decoding: DecodingSection,
    gate_inputs: torch.Tensor | None = None,
) -> ModelOutputs:
    """Answer every candidate set by greedy text, and score the candidates by likelihood.

    Args:
        prompted: the model.
        sequences: those that the candidate sets belong to.
        candidates: schema `CANDIDATES`.
        decoding: how it answers.
        gate_inputs: what a gate reads for every sequence, float (sequences, width); None without such a gate.

    Raises:
        FloatingPointError: if a score is not finite.
    """
    model, builder, sets = prompted.model, prompted.builder, candidates.to_pylist()
    prompts = [
        PreparedPrompt(
            builder.prompt(
                sequences.histories[row["sequence_id"]],
                row["candidates"],
                builder.draw_text(answering_seed(prompted.seed, number)),
            ),
            None if gate_inputs is None else gate_inputs[row["sequence_id"]],
        )
        for number, row in enumerate(sets)
    ]
    answering = f"answering with {prompted.name}"
    report_cut_histories(sum(prompt.tokens.cut > 0 for prompt in prompts), len(prompts), answering, _LOGGER)
    if not decoding.constrained:
        lengths = {item: len(builder.titles[item]) for row in sets for item in row["candidates"]}
        targets = [int(sequences.targets[row["sequence_id"]]) for row in sets]
        report_unanswerable_titles(lengths, targets, decoding.maximum_new_tokens, answering, _LOGGER)
    possible = [[builder.answer(item) for item in row["candidates"]] for row in sets]
    with Progress(len(sets), answering, _LOGGER) as progress:
        allowed = possible if decoding.constrained else None
        texts = generate_answers(model, builder, prompts, decoding, progress, allowed)
    with Progress(len(sets), f"scoring candidates with {prompted.name}", _LOGGER) as progress:
        scores = score_answers(model, prompts, possible, decoding.batch_size, progress)
    return ModelOutputs(texts, [one.sums if decoding.candidate_score == "sum" else one.means for one in scores])


def report_unanswerable_titles(
    title_lengths: Mapping[int, int], targets: Sequence[int], new_tokens: int, description: str, logger: logging.Logger
) -> None:
    """Warn of titles that no answer can hold to their end, if there are any.

    An answer needs the title's own tokens; the newline behind it may be cut off.

    Args:
        title_lengths: tokens of the title of each item that can be chosen, by item id.
        targets: item id of each candidate set's target.
        new_tokens: of an answer, at most.
        description: what the answers are for.
        logger: where the warning goes.
    """
    too_long = {item: length for item, length in title_lengths.items() if length > new_tokens}
    if too_long:
        logger.warning(
            "%s: %d of %d titles have more tokens than decoding.maximum_new_tokens (%d), the longest %d; no answer "
            "can name them, and they are right in %d of %d candidate sets",
            description,
            len(too_long),
            len(title_lengths),
            new_tokens,
            max(too_long.values()),
            sum(target in too_long for target in targets),
            len(targets),
        )
