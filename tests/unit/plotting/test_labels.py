import pytest

from ilora.plotting.labels import backbone_label, dataset_label, method_label, setting_label


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
