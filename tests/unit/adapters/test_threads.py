"""A server's threads share one model."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from tiny_models import config, instance_wise, lora, padded, random_sequences, representations, tiny_model

THREADS, PASSES = 8, 200


@pytest.fixture
def frequent_switches() -> Iterator[None]:
    """Make threads switch a hundred times as often as by default."""
    seconds = sys.getswitchinterval()
    sys.setswitchinterval(seconds / 100)
    yield
    sys.setswitchinterval(seconds)


@pytest.mark.usefixtures("frequent_switches")
def test_threads_never_see_each_others_gates() -> None:
    model = instance_wise(tiny_model(num_hidden_layers=1), config(4), lora(target_modules=["q_proj", "up_proj"]))
    batches = [padded(random_sequences([4] * (1 + seed % 3), seed), "left") for seed in range(THREADS)]
    read = [representations(1 + seed % 3, seed) for seed in range(THREADS)]

    @torch.no_grad()
    def forward(seed: int) -> torch.Tensor:
        logits: torch.Tensor = model(**batches[seed], sequence_representations=read[seed]).logits
        return logits

    def generate(seed: int) -> torch.Tensor:
        tokens: torch.Tensor = model.generate(**batches[seed], sequence_representations=read[seed], max_new_tokens=3)
        return tokens

    logits = [forward(seed) for seed in range(THREADS)]
    tokens = [generate(seed) for seed in range(THREADS)]
    with ThreadPoolExecutor(THREADS) as pool:
        answered = pool.map(forward, (number % THREADS for number in range(PASSES)))
        generated = pool.map(generate, (number % THREADS for number in range(2 * THREADS)))
        assert all(torch.equal(found, logits[number % THREADS]) for number, found in enumerate(answered))
        assert all(torch.equal(found, tokens[number % THREADS]) for number, found in enumerate(generated))
