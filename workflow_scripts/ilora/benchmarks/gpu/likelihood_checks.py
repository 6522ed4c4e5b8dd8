"""Check that an instance-wise model scores the answers to a hybrid prompt equally, together and one at a time."""

import logging
from collections.abc import Iterator

import numpy as np
import torch

from ilora.benchmarks.gpu.report import Check
from ilora.llm.inference.likelihood import score_answers, score_without_sharing
from ilora.llm.inference.prompt_batches import PreparedPrompt
from ilora.llm.training.tuning_job import TuningJob, prepare_tuning
from ilora.progress import Progress

#: Tolerance in nats for a whole title in float32.
_ALLOWED = 1e-3


def measure(job: TuningJob) -> Iterator[Check]:
    """Score the candidates of the validation split in both ways.

    Args:
        job: fine-tuning of an instance-wise adapter; a new adapter with random B is used.
    """
    model, examples = prepare_tuning(job)
    torch.manual_seed(0)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.1)
    questions = examples.validation_questions()
    prompts = [PreparedPrompt(question.prompt, question.gate_input) for question in questions]
    answers = [[examples.builder.answer(item) for item in question.candidates] for question in questions]
    with Progress(len(prompts), "scoring candidates", logging.getLogger(__name__)) as progress:
        together = score_answers(model, prompts, answers, len(prompts), progress)
    apart = [score_without_sharing(model, *asked) for asked in zip(prompts, answers, strict=True)]
    deviations = [np.abs(one.sums - other.sums).max() for one, other in zip(together, apart, strict=True)]
    yield Check("likelihoods: a batch of shared prompts", float(max(deviations)), _ALLOWED, "nats")
