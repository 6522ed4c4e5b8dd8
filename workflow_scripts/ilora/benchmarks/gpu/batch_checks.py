"""Checks that a sequence's answer does not depend on padding, batch, cache, beams or checkpointing."""

from collections.abc import Iterator
from typing import Any

import torch

from ilora.benchmarks.adaptations import instance_wise, random_representations
from ilora.benchmarks.gpu.adapter_checks import SHAPE, relative_error
from ilora.benchmarks.gpu.report import Check
from ilora.benchmarks.workloads import random_llama, twin

#: In float32, relative to the largest value.
_ALLOWED = 1e-4
_LENGTHS, _NEW_TOKENS, _BEAMS = (7, 4, 2), 5, 3


def measure(device: torch.device) -> Iterator[Check]:
    """Compare the results of an instance-wise model in float32 when they are computed in different ways."""
    base = random_llama(SHAPE, device, torch.float32)
    # With the usual small weights, the most likely tokens are nearly tied. Larger weights make the answers unambiguous.
    with torch.no_grad():
        for parameter in base.parameters():
            if parameter.ndim == 2:
                parameter.mul_(5)
    model: Any = instance_wise(twin(base)).eval()
    generator = torch.Generator().manual_seed(0)
    sequences = [torch.randint(1, SHAPE.vocabulary_size, (length,), generator=generator) for length in _LENGTHS]
    z = random_representations(len(sequences), torch.device("cpu")).to(device)
    batch = padded_left(sequences, device)

    def generated(**options: Any) -> torch.Tensor:
        tokens: torch.Tensor = model.generate(
            **batch, sequence_representations=z, max_new_tokens=_NEW_TOKENS, do_sample=False, pad_token_id=0, **options
        )
        return tokens[:, max(_LENGTHS) :]

    def alone(row: int, **options: Any) -> torch.Tensor:
        tokens: torch.Tensor = model.generate(
            **padded_left([sequences[row]], device),
            sequence_representations=z[row : row + 1],
            max_new_tokens=_NEW_TOKENS,
            do_sample=False,
            pad_token_id=0,
            **options,
        )
        return tokens[:, _LENGTHS[row] :]

    with torch.no_grad():
        together = _last_logits(model, batch, z)
        apart = torch.cat(
            [
                _last_logits(model, padded_left([sequence], device), z[row : row + 1])
                for row, sequence in enumerate(sequences)
            ]
        )
    yield Check("padding: logits of a padded batch", relative_error(together, apart), _ALLOWED, "of the largest value")
    with torch.no_grad():
        cached = generated(use_cache=True)
        yield _same("cache: tokens without it", generated(use_cache=False), cached)
        yield _same("batch: tokens of each sequence alone", torch.cat([alone(row) for row in range(3)]), cached)
        beams = torch.cat([alone(row, num_beams=_BEAMS) for row in range(3)])
        yield _same(f"{_BEAMS} beams: tokens of each sequence alone", generated(num_beams=_BEAMS), beams)
    yield _checkpointing(model, batch, z)


def padded_left(sequences: list[torch.Tensor], device: torch.device) -> dict[str, torch.Tensor]:
    """Return left-padded ``input_ids`` and ``attention_mask``, int64 (sequences, longest)."""
    longest = max(map(len, sequences))
    input_ids = torch.zeros((len(sequences), longest), dtype=torch.int64)
    mask = torch.zeros_like(input_ids)
    for row, sequence in enumerate(sequences):
        input_ids[row, longest - len(sequence) :] = sequence
        mask[row, longest - len(sequence) :] = 1
    return {"input_ids": input_ids.to(device), "attention_mask": mask.to(device)}


def _last_logits(model: Any, batch: dict[str, torch.Tensor], z: torch.Tensor) -> torch.Tensor:
    positions = (batch["attention_mask"].cumsum(dim=1) - 1).clamp_min(0)
    logits: torch.Tensor = model(**batch, position_ids=positions, sequence_representations=z, use_cache=False).logits
    return logits[:, -1]


def _same(name: str, found: torch.Tensor, expected: torch.Tensor) -> Check:
    if found.shape != expected.shape:
        return Check(name, float("nan"), 0, "tokens differ")
    return Check(name, int((found != expected).sum()), 0, "tokens differ")


def _checkpointing(model: Any, batch: dict[str, torch.Tensor], z: torch.Tensor) -> Check:
    gradients = []
    model.train()
    for is_on in (False, True):
        if is_on:
            model.gradient_checkpointing_enable()
        _last_logits(model, batch, z).square().sum().backward()
        gradients.append(torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None]))
        model.zero_grad(set_to_none=True)
    error = relative_error(gradients[1], gradients[0])
    return Check("checkpointing: gradients of layers computed again", error, _ALLOWED, "of the largest value")
