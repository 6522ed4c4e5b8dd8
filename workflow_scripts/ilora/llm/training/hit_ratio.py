"""HitRatio@1 on the validation split during training."""

import logging
from collections.abc import Sequence

from ilora.configuration.sections.decoding import DecodingSection
from ilora.configuration.tuning import TuningSettings
from ilora.llm.inference.generation import generate_answers
from ilora.llm.inference.prompt_batches import PreparedPrompt
from ilora.llm.model.hybrid_model import HybridLanguageModel
from ilora.llm.prompts.builder import PromptBuilder
from ilora.llm.training.fine_tuning import Question
from ilora.predictions.choices import resolve_choice
from ilora.progress import Progress

_LOGGER = logging.getLogger(__name__)


def hit_ratio(
    model: HybridLanguageModel, builder: PromptBuilder, questions: Sequence[Question], settings: TuningSettings
) -> float:
    """Return the fraction of questions whose greedily generated answer names only the target's title.

    There must be at least one question. The model is left in training mode.
    """
    # A longer answer cannot be a title, so a larger limit would not change the hits.
    longest = max(len(builder.answer(item)) for question in questions for item in question.candidates)
    values = settings.finetuning
    decoding = DecodingSection(batch_size=values.batch_size // values.gradient_accumulation, maximum_new_tokens=longest)
    prompts = [PreparedPrompt(question.prompt, question.gate_input) for question in questions]
    with Progress(len(prompts), f"validating {settings.description}", _LOGGER) as progress:
        texts = generate_answers(model, builder, prompts, decoding, progress)
    model.train()
    hits = [
        resolve_choice(text, question.candidates, builder.title_texts) == question.target
        for text, question in zip(texts, questions, strict=True)
    ]
    return sum(hits) / len(hits)
