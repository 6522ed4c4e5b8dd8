"""How much is measured: the real sizes, and a miniature of them that tests run."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ilora.benchmarks.workloads import EMBEDDED, LLAMA_2_7B_GPU, LLAMA_2_7B_LAYER, SMOLLM2_135M, Workload


@dataclass(frozen=True)
class Served:
    """A backbone that answers, and how often.

    Attributes:
        name: in the tables.
        workload: shape of the backbone; ``batch`` is the number of different users in one forward pass, ``tokens`` the
            length of a prompt.
        rounds: number of rounds; in each, all that is compared takes its turn.
        requests: single requests in a round, for each number of users.
        batches: batches of different users in a round.
        loaded_requests: requests in a round of one client thread under load; 0 to measure no load.
        clusters: adapters of "one LoRA per cluster".
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
        name: name of this choice.
        users: numbers of users that are served, ascending.
        served: the backbones.
        measured_rates: models whose rate Llama-2-7B's time is extrapolated from, by name.
        rate_rounds: requests of each of them.
        threads: clients that send requests at the same time.
        gate_rounds: rounds in which the gate's part is timed.
        gate_calls: calls in each of these rounds, for each number of users.
        log: what is prepared, trained on and evaluated.
        candidate_log: what a million candidate sets are drawn for, two for each user.
        candidate_pairs: pairs of drawing and reference.
        training_steps: steps of the recommender that are timed.
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
