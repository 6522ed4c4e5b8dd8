import pytest

from ilora.plotting.labels import backbone_label, dataset_label, method_label, p_value, setting_label, two_decimals


@pytest.mark.parametrize(
    ("backbone", "parameters", "label"),
    [
        ("", None, "none"),
        ("embedded", 1_123_456, "embedded (1.1M parameters)"),
        ("embedded", 42_300, "embedded (42K parameters)"),
        ("embedded", None, "embedded"),
        ("meta-llama--Llama-2-7b-hf", 6_738_415_616, "meta-llama/Llama-2-7b-hf (6.7B parameters)"),
    ],
)
def test_a_backbone_is_named_with_its_size(backbone: str, parameters: int | None, label: str) -> None:
    assert backbone_label(backbone, parameters) == label


def test_what_has_no_label_keeps_its_id() -> None:
    assert (dataset_label("books"), method_label("mine")) == ("books", "mine")
    assert setting_label("movielens", "embedded") == "MovieLens, language model: embedded"


@pytest.mark.parametrize(
    ("p", "label"),
    [(1.0, "p = 1.00"), (0.36, "p = 0.36"), (0.0432, "p = 0.043"), (0.0042, "p = 0.0042"), (1e-9, "p < 0.001")],
)
def test_a_p_value_has_the_digits_that_are_of_use(p: float, label: str) -> None:
    assert p_value(p) == label


@pytest.mark.parametrize(("value", "text"), [(0.126, "0.13"), (-0.5, "−0.50"), (-0.001, "0.00"), (0.0, "0.00")])
def test_a_number_has_a_true_minus_and_no_negative_zero(value: float, text: str) -> None:
    assert two_decimals(value) == text
