import pytest

from ilora.evaluation.verdicts import Cell, Verdict, incomparable_backbone, judge


@pytest.mark.parametrize(
    ("low", "high", "paper", "gain", "verdict"),
    [
        (0.40, 0.45, 0.42, 0.0854, Verdict.REPRODUCED),
        (0.36, 0.50, 0.42, 0.0854, Verdict.UNDERPOWERED),
        (0.43, 0.45, 0.42, 0.0854, Verdict.NOT_REPRODUCED),
        (0.10, 0.40, 0.42, 0.0854, Verdict.NOT_REPRODUCED),
        (0.42, 0.45, 0.42, 0.0854, Verdict.REPRODUCED),
    ],
)
def test_the_rule(low: float, high: float, paper: float, gain: float, verdict: Verdict) -> None:
    # Nothing is trained, or all trainings agree: a further training of the paper adds no variation.
    for covers, seeds, sd in (("users", 1, None), ("users and trainings", 3, 0.0)):
        cell = Cell((low + high) / 2, low, high, covers, 0.95, seeds, sd)
        assert judge(cell, paper, gain) is verdict


@pytest.mark.parametrize(
    ("paper", "verdict"),
    [
        (0.45, Verdict.REPRODUCED),
        (0.53, Verdict.UNDERPOWERED),  # outside our interval, but possible for a single training
        (0.54, Verdict.NOT_REPRODUCED),
        (0.27, Verdict.UNDERPOWERED),
        (0.26, Verdict.NOT_REPRODUCED),
    ],
)
def test_the_papers_value_may_be_of_one_training(paper: float, verdict: Verdict) -> None:
    # Student's t with 2 degrees of freedom is 4.303: 0.0999 for a spread of 0.0232; in quadrature with 0.09, 0.1345.
    cell = Cell(0.40, 0.31, 0.49, "users and trainings", 0.95, 3, 0.02322)
    assert judge(cell, paper, 0.2) is verdict


def test_one_training_gives_no_verdict() -> None:
    for paper in (0.2, 0.4):
        assert judge(Cell(0.4, 0.39, 0.41, "users, one training", 0.95, 1, None), paper, 0.2) is Verdict.ONE_TRAINING


@pytest.mark.parametrize(
    ("backbone", "paper_backbone", "verdict"),
    [
        ("", None, None),
        ("meta-llama--Llama-2-7b-hf@main", "Llama-2-7B", None),
        ("meta-llama--Llama-2-7b-hf", "Llama-2-7B", None),
        ("meta-llama--Llama-2-7b-hf+float32@main", "Llama-2-7B", None),
        ("meta-llama--Llama-2-7b-hf+nf4", "Llama-2-7B", Verdict.OTHER_BACKBONE),
        ("meta-llama--Llama-2-7b-chat-hf", "Llama-2-7B", Verdict.OTHER_BACKBONE),
        ("Qwen--Qwen2.5-7B@main", "Llama-2-7B", Verdict.OTHER_BACKBONE),
        ("gpt-4o", None, Verdict.OTHER_BACKBONE),
        ("embedded", "Llama-2-7B", Verdict.SMALL_BACKBONE),
        ("embedded+bfloat16", "Llama-2-7B", Verdict.SMALL_BACKBONE),
        ("embedded", None, Verdict.SMALL_BACKBONE),
    ],
)
def test_only_the_papers_language_model_is_comparable(
    backbone: str, paper_backbone: str | None, verdict: Verdict | None
) -> None:
    assert incomparable_backbone(backbone, paper_backbone) is verdict
