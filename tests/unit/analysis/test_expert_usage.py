import numpy as np
import pyarrow as pa
import pytest

from ilora.analysis import expert_usage
from ilora.analysis.expert_usage import QUANTITIES, measure_expert_usage
from ilora.analysis.schemas import CLUSTERS, EXPERT_USAGE, GATES

SEQUENCES, EXPERTS, PERMUTATIONS = 120, 4, 199


@pytest.fixture(autouse=True)
def few_permutations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expert_usage, "PERMUTATIONS", PERMUTATIONS)


def gates_of(weights: np.ndarray, split: str = "test") -> pa.Table:
    count, experts = weights.shape
    return pa.table(
        {
            "sequence_id": np.repeat(np.arange(count, dtype=np.int32), experts),
            "split": [split] * weights.size,
            "expert": np.tile(np.arange(experts, dtype=np.int32), count),
            "weight": weights.ravel(),
        },
        schema=GATES,
    )


def clusters_of(labels: np.ndarray) -> pa.Table:
    columns = {"sequence_id": np.arange(len(labels), dtype=np.int32), "split": ["test"] * len(labels)}
    return pa.table(columns | {"cluster": labels.astype(np.int32)}, schema=CLUSTERS)


def values_of(usage: pa.Table) -> dict[tuple[str, int | None], float]:
    return {(row["quantity"], row["expert"]): row["value"] for row in usage.to_pylist()}


def test_experts_that_follow_the_clusters() -> None:
    labels = np.arange(SEQUENCES) % EXPERTS
    weights = np.full((SEQUENCES, EXPERTS), 0.1)
    weights[np.arange(SEQUENCES), labels] = 0.7
    usage = measure_expert_usage(gates_of(weights), clusters_of(labels), "test", 0)
    assert usage.schema.equals(EXPERT_USAGE)
    values = values_of(usage)
    assert {quantity for quantity, _ in values} == set(QUANTITIES)
    assert values["expert_share", 2] == pytest.approx(0.25) and values["strongest_share", 2] == pytest.approx(0.25)
    assert values["mutual_information", None] == pytest.approx(np.log(4))
    assert values["adjusted_mutual_information", None] == pytest.approx(1.0)
    assert values["mutual_information_p", None] == pytest.approx(1 / (1 + PERMUTATIONS))
    assert values["effective_experts", None] == pytest.approx(4.0) and values["collapsed", None] == 0.0


def test_experts_that_know_nothing_of_the_clusters() -> None:
    generator = np.random.default_rng(0)
    weights = generator.dirichlet(np.ones(EXPERTS), SEQUENCES)
    usage = measure_expert_usage(gates_of(weights), clusters_of(generator.integers(8, size=SEQUENCES)), "test", 0)
    values = values_of(usage)
    by_chance = values["mutual_information_by_chance", None]
    assert by_chance > 0.05  # the plug-in estimate without any dependence
    assert values["mutual_information", None] == pytest.approx(by_chance, abs=0.06)
    assert values["mutual_information_p", None] > 0.05
    assert abs(values["adjusted_mutual_information", None]) < 0.05


def test_a_collapsed_gate_is_noticed() -> None:
    weights = np.tile([0.97, 0.01, 0.01, 0.01], (SEQUENCES, 1))
    usage = measure_expert_usage(gates_of(weights), clusters_of(np.arange(SEQUENCES) % 3), "test", 0)
    values = values_of(usage)
    assert values["collapsed", None] == 1.0 and values["strongest_share", 0] == 1.0
    assert values["mutual_information", None] == pytest.approx(0.0, abs=1e-12)
    assert values["mutual_information_p", None] == 1.0


def test_gates_that_do_not_hold_are_refused() -> None:
    weights = np.full((4, 2), 0.5)
    clusters = clusters_of(np.zeros(4))
    with pytest.raises(ValueError, match="every sequence of the split 'test'"):
        measure_expert_usage(gates_of(weights, "val"), clusters, "test", 0)
    with pytest.raises(ValueError, match="each expert once"):
        measure_expert_usage(gates_of(weights).slice(0, 7), clusters, "test", 0)
