"""Ids and generators small enough for tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from ilora.configuration.sections.generative import GeneratorValues
from ilora.generative.generator import Generator, GeneratorShape
from ilora.generative.semantic_ids import SemanticIds
from ilora.generative.vocabulary import Vocabulary

SMALL: dict[str, Any] = {
    "layers": 1,
    "width": 16,
    "feed_forward_size": 32,
    "heads": 2,
    "head_size": 8,
    "maximum_history": 4,
    "batch_size": 32,
}

MakeGenerator = Callable[..., Generator]


@pytest.fixture(scope="session")
def ids() -> SemanticIds:
    """Ids of 24 items, of which 2 and 9 share an id, as do 5, 6 and 7."""
    codes = [[item // 6, item % 6, item % 2] for item in range(24)]
    codes[9] = codes[2]
    codes[6] = codes[7] = codes[5]
    return SemanticIds(torch.tensor(codes), ("category", "title", "collaborative"), (4, 6, 2))


@pytest.fixture(scope="session")
def make_shape(ids: SemanticIds) -> Callable[..., GeneratorShape]:
    def make(
        user_tokens: int = 0, level_embedding: bool = False, position_embedding: bool = False, **values: object
    ) -> GeneratorShape:
        settings = GeneratorValues.read({**SMALL, **values})
        return GeneratorShape(Vocabulary(ids.sizes, user_tokens), settings, level_embedding, position_embedding)

    return make


@pytest.fixture(scope="session")
def make_generator(make_shape: Callable[..., GeneratorShape]) -> MakeGenerator:
    """Build an untrained generator, which nevertheless prefers some ids to others."""

    def make(seed: int = 0, **options: Any) -> Generator:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            return Generator(make_shape(**options)).eval()

    return make
