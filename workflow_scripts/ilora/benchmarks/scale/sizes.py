"""Sizes of the measurements: the full ones, and a miniature that tests run."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ilora.benchmarks.workloads import EMBEDDED, LLAMA_2_7B_GPU, LLAMA_2_7B_LAYER, SMOLLM2_135M, Workload


@dataclass(frozen=True)
class Served:
    """A backbone, and how often it is measured.

    Attributes:
        name: in the tables.
        workload: shape of the backbone; ``batch`` is the number of different users in one forward pass, ``tokens`` the
            length of a prompt.
        rounds: number of rounds; in each, all numbers of users or all adaptations take turns.
        requests: single requests per round and number of users.
        batches: batches of different users per round.
        loaded_requests: requests of each client thread per round under load; 0 to skip the load.
        clusters: number of clusters, each with its own LoRA.
    """

    name: str
    workload: Workload
    rounds: int
    requests: int
    batches: int
    loaded_requests: int
    clusters: int = 8


@dataclass(frozen=True)
class Log:
    """A synthetic log of interactions.

    Attributes:
        users: number of users.
        items_per_user: interactions of each user.
        items: size of the catalogue.
    """

    users: int
    items_per_user: int
    items: int


@dataclass(frozen=True)
class Sizes:
    """What is measured.

    Attributes:
        name: name of these sizes.
        users: numbers of users, ascending.
        served: the backbones.
        measured_rates: shapes, by name, from whose measured rate the time of Llama-2-7B is extrapolated.
        rate_rounds: requests of each of these shapes.
        threads: concurrent clients.
        gate_rounds: rounds in which the gate's part is timed.
        gate_calls: calls per round and number of users.
        log: log that is prepared, trained on and evaluated.
        candidate_log: log for which candidate sets are drawn, two for each user.
        candidate_pairs: pairs of measurements of drawing and its reference.
        training_steps: timed steps of the recommender.
        bootstrap_samples: samples of the bootstrap in the evaluation.
    """

    name: str
    users: tuple[int, ...]
    served: tuple[Served, ...]
    measured_rates: Mapping[str, Workload]
    rate_rounds: int
    threads: int
    gate_rounds: int
    gate_calls: int
    log: Log
    candidate_log: Log
    candidate_pairs: int
    training_steps: int
    bootstrap_samples: int


FULL = Sizes(
    name="full",
    users=(1_000, 10_000, 100_000, 1_000_000),
    served=(
        # The default study's prompts: 32 in a batch, of 141 tokens on average.
        Served(
            "embedded",
            replace(EMBEDDED, batch=32, tokens=141),
            rounds=20,
            requests=50,
            batches=6,
            loaded_requests=10,
        ),
        Served("pretrained", SMOLLM2_135M, rounds=4, requests=4, batches=1, loaded_requests=0),
    ),
    measured_rates={
        "SmolLM2-135M": SMOLLM2_135M,
        "one layer of Llama-2-7B": replace(LLAMA_2_7B_LAYER, batch=1, tokens=LLAMA_2_7B_GPU.tokens),
    },
    rate_rounds=5,
    threads=8,
    gate_rounds=60,
    gate_calls=200,
    log=Log(users=100_000, items_per_user=100, items=100_000),
    candidate_log=Log(users=500_000, items_per_user=20, items=100_000),
    candidate_pairs=3,
    training_steps=20,
    bootstrap_samples=2000,
)

_TINY = Workload(batch=3, tokens=6, layers=1, hidden_size=32, intermediate_size=48, heads=2, vocabulary_size=16)

MINIATURE = Sizes(
    name="miniature",
    users=(20, 40),
    served=(Served("embedded", _TINY, rounds=2, requests=2, batches=1, loaded_requests=1, clusters=2),),
    measured_rates={"tiny": _TINY},
    rate_rounds=2,
    threads=2,
    gate_rounds=2,
    gate_calls=2,
    log=Log(users=40, items_per_user=8, items=100),
    candidate_log=Log(users=40, items_per_user=8, items=100),
    candidate_pairs=2,
    training_steps=2,
    bootstrap_samples=20,
)

SIZES = {sizes.name: sizes for sizes in (FULL, MINIATURE)}
