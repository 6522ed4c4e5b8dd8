from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from ilora.artifacts.schemas import PREDICTIONS

PredictionsMaker = Callable[..., pa.Table]


@pytest.fixture
def titles() -> list[str]:
    """Return the titles of the items that `make_predictions` uses."""
    return [f"Item {item}" for item in range(3000)]


@pytest.fixture
def make_predictions() -> PredictionsMaker:
    """Return a function that makes predictions; `accuracy` of the choices are the target.

    A method that scores gives its choice the highest score; one that writes text writes the choice's title among
    `titles`, or nothing of use in the share `invalid` of its answers.
    """

    def make(
        method: str = "sasrec",
        *,
        users: int = 12,
        draws: int = 2,
        candidates: int = 5,
        accuracy: float = 0.5,
        invalid: float = 0.0,
        seed: int = 0,
        scored: bool = True,
    ) -> pa.Table:
        generator = np.random.default_rng(seed)
        rows = []
        for sequence in range(users):
            for draw in range(draws):
                items = [100 * draw + 10 * sequence + item for item in range(candidates)]
                target = items[(sequence + draw) % candidates]
                scores = generator.normal(size=candidates)
                chosen = target if generator.random() < accuracy else items[0]
                scores[items.index(chosen)] = scores.max() + 1.0
                choice = None if generator.random() < invalid else chosen
                rows.append(
                    {
                        "sequence_id": sequence + 1000,
                        "split": "val" if sequence < users // 2 else "test",
                        "user_id": sequence,
                        "draw": draw,
                        "method": method,
                        "candidates_hash": f"{sequence}-{draw}",
                        "history": [1, 2, 3],
                        "target": target,
                        "candidates": items,
                        "scores": list(scores) if scored else None,
                        "text": None if scored else "nothing of use" if choice is None else f"Item {choice}",
                        "choice": choice,
                    }
                )
        return pa.Table.from_pylist(rows, schema=PREDICTIONS)

    return make
