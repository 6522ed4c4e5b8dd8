import pytest

from ilora.evaluation.verdicts import Verdict, incomparable_backbone, judge


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
    assert judge(low, high, paper, gain) is verdict


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
