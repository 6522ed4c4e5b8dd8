"""How a rule's params represent a section, and how a script reads it back."""

from typing import Annotated, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field, ValidationError

from ilora.configuration.section import CHANGED_DEFAULT, Section
from ilora.configuration.sections.finetuning_values import FinetuningValues
from ilora.configuration.sections.recommenders import RecommendersSection


class Inner(Section):
    layers: int = 2
    dropout: float = 0.5


class Outer(Section):
    name: str
    steps: int = 10
    rate: Annotated[float, CHANGED_DEFAULT] = 0.1
    sizes: tuple[int, ...] = (1, 2)
    inner: Inner = Inner()
    other: Inner = Inner(layers=3)


def test_what_is_at_its_default_is_left_out() -> None:
    assert Outer(name="a").plain() == {"name": "a", "rate": 0.1, "other": {"layers": 3}}
    changed = Outer(name="a", steps=11, sizes=(3,), inner=Inner(dropout=0.0))
    assert changed.plain() == {
        "name": "a",
        "steps": 11,
        "rate": 0.1,
        "sizes": [3],
        "inner": {"dropout": 0.0},
        "other": {"layers": 3},
    }


@given(
    st.builds(
        Outer,
        name=st.text(max_size=3),
        steps=st.integers(9, 11),
        rate=st.sampled_from([0.1, 0.2]),
        sizes=st.sampled_from([(1, 2), (), (3,)]),
        inner=st.builds(Inner, layers=st.integers(2, 3)),
        other=st.builds(Inner, layers=st.integers(2, 3), dropout=st.sampled_from([0.5, 0.25])),
    )
)
@settings(max_examples=30)
def test_a_section_is_read_back_from_what_it_left(section: Outer) -> None:
    assert Outer.read(section.plain()) == section


def test_a_new_option_at_its_default_changes_nothing_that_a_rule_compares() -> None:
    class WithOneMore(FinetuningValues):
        label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0

    values: dict[str, Any] = {"r": 16, "steps": 50}
    assert WithOneMore(**values).plain() == FinetuningValues(**values).plain() == values
    assert WithOneMore(**values, label_smoothing=0.1).plain() == {**values, "label_smoothing": 0.1}


def test_what_is_read_is_validated() -> None:
    with pytest.raises(ValidationError, match="weight_decai"):
        RecommendersSection.read({"weight_decai": 0.1})
    with pytest.raises(ValidationError, match="valid integer"):
        FinetuningValues.read({"r": "8"})
