"""A language model's predictions for frozen candidate sets: generated text, and the likelihood of each candidate."""

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
    """A language model with its prompts.

    Attributes:
        model: model with or without an adapter.
        builder: builder of its prompts.
        name: name in the log and the progress display.
        seed: random seed for drawing prompt texts, if there are several.
    """

    model: HybridLanguageModel
    builder: PromptBuilder
    name: str
    seed: int = 0


@dataclass(frozen=True)
class ModelOutputs:
    """A model's predictions for candidate sets, in their order.

    Attributes:
        texts: generated answers: the first non-blank line of each.
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
    """Generate an answer for every candidate set greedily, and score the candidates by likelihood.

    Args:
        prompted: the model.
        sequences: sequences of the candidate sets.
        candidates: table of the `CANDIDATES` schema.
        decoding: decoding settings.
        gate_inputs: gate input of every sequence, float (sequences, width); None without such a gate.

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
    """Warn about titles that are too long for an answer, if there are any.

    An answer must hold all tokens of the title; the newline after it may be cut off.

    Args:
        title_lengths: number of tokens of the title of each selectable item, by item id.
        targets: item id of each candidate set's target.
        new_tokens: maximum number of tokens of an answer.
        description: description of the run, for the warning.
        logger: logger for the warning.
    """
    too_long = {item: length for item, length in title_lengths.items() if length > new_tokens}
    if too_long:
        logger.warning(
            "%s: %d of %d titles have more tokens than decoding.maximum_new_tokens (%d), the longest %d; no answer "
            "can name them, and they are the target in %d of %d candidate sets",
            description,
            len(too_long),
            len(title_lengths),
            new_tokens,
            max(too_long.values()),
            sum(target in too_long for target in targets),
            len(targets),
        )
