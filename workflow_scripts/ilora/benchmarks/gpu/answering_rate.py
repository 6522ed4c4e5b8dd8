"""Throughput of a fine-tuned model: prompts answered, and prompts with all candidates scored, per second."""

import logging
from collections.abc import Callable, Iterator
from itertools import cycle, islice

from ilora.benchmarks.gpu.parts import Bench
from ilora.benchmarks.gpu.report import Figure
from ilora.benchmarks.gpu.timing import rate, repeated_seconds
from ilora.configuration.sections.decoding import DecodingSection
from ilora.llm.inference.generation import generate_answers
from ilora.llm.inference.likelihood import score_answers
from ilora.llm.inference.prompt_batches import PreparedPrompt
from ilora.llm.model.hybrid_model import HybridLanguageModel
from ilora.llm.training.fine_tuning import FineTuningExamples
from ilora.progress import Progress

_LOGGER = logging.getLogger(__name__)
_REPEATS = 3


def answering_figures(
    model: HybridLanguageModel, examples: FineTuningExamples, bench: Bench, suffix: str
) -> Iterator[Figure]:
    """Time the answers to one batch of validation prompts, and the scoring of their candidates.

    Args:
        model: any model; with random weights, which do not learn to end a line, answers have the maximum length.
        examples: examples of its fine-tuning.
        bench: environment with the number of prompts and the maximum length of an answer.
        suffix: suffix of the names of the figures.
    """
    count = bench.sizes.answered
    questions = list(islice(cycle(examples.validation_questions()), count))
    prompts = [PreparedPrompt(question.prompt, question.gate_input) for question in questions]
    answers = [[examples.builder.answer(item) for item in question.candidates] for question in questions]
    decoding = DecodingSection(batch_size=count, maximum_new_tokens=bench.sizes.new_tokens)

    def shown(action: Callable[[Progress], object]) -> Callable[[], None]:
        def run() -> None:
            with Progress(count, "answering", _LOGGER) as progress:
                action(progress)

        return run

    written = shown(lambda progress: generate_answers(model, examples.builder, prompts, decoding, progress))
    scored = shown(lambda progress: score_answers(model, prompts, answers, count, progress))
    candidates = len(answers[0])
    for name, run, note in (
        (f"answering by text{suffix}", written, f"{count} at once, at most {decoding.maximum_new_tokens} tokens each"),
        (f"scoring {candidates} candidates{suffix}", scored, f"{count} at once"),
    ):
        yield rate(name, count, "prompts/s", repeated_seconds(run, bench.device, _REPEATS), note)
