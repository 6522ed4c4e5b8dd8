"""Sequence representations computed on the fly against looked up: part ``cold``."""

from collections.abc import Callable
from functools import partial

import torch

from ilora.benchmarks.adaptations import WIDTH
from ilora.benchmarks.scale.random_users import for_random_users
from ilora.benchmarks.scale.report import Part, Row
from ilora.benchmarks.scale.rounds import Times, time_in_rounds
from ilora.benchmarks.scale.sizes import Sizes
from ilora.configuration.sections.recommender_values import SASRecSection
from ilora.recommenders.models import represent
from ilora.recommenders.padded_sequences import FIRST_ITEM, PaddedSequences
from ilora.recommenders.saved_model import ModelShape

MAXIMUM_HISTORY = 10


def sasrec_shape(items: int) -> ModelShape:
    """Return SASRec in the default study's shape, for a catalogue of this size."""
    return ModelShape("sasrec", SASRecSection(), WIDTH, items, MAXIMUM_HISTORY)


def measure_new_users(sizes: Sizes, batch: int) -> Part:
    """Time SASRec's forward pass on histories of 10 items against lookups in the largest table."""
    items, users = sizes.log.items, sizes.users[-1]
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    model = sasrec_shape(items).build().eval()
    table = torch.randn(users, WIDTH, generator=generator)
    rounds, calls = sizes.gate_rounds, max(1, sizes.gate_calls // 10)
    runs: dict[str, Callable[[], object]] = {}
    for rows in (1, batch):
        histories = torch.randint(FIRST_ITEM, items + FIRST_ITEM, (rows, MAXIMUM_HISTORY), generator=generator)
        sequences = PaddedSequences(histories, torch.full((rows,), MAXIMUM_HISTORY), histories[:, 0])
        runs[f"computed, {rows}"] = partial(_represent, model, sequences)
        runs[f"looked up, {rows}"] = for_random_users(table.__getitem__, users, calls=(rounds + 1) * calls, batch=rows)
    times = time_in_rounds(runs, rounds=rounds, calls=calls)
    title = f"z by SASRec ({items:,} items, histories of {MAXIMUM_HISTORY}) or from a table of {users:,} users"
    return Part({title: [_row(name, each) for name, each in times.items()]})


def _represent(model: torch.nn.Module, sequences: PaddedSequences) -> torch.Tensor:
    with torch.no_grad():
        return represent(model, sequences)


def _row(name: str, times: Times) -> Row:
    way, users = name.split(", ")
    return {
        "z is": way,
        "users in the batch": int(users),
        "p50 (us)": 1e6 * times.quantile(0.5),
        "p99 (us)": 1e6 * times.quantile(0.99),
    }
