"""The settings of a gate."""

from typing import Any

import pytest

from ilora.adapters import InstanceWiseConfig


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"experts": 0}, "experts: found 0, expected at least 1"),
        ({"experts": -2}, "experts: found -2, expected at least 1"),
        ({"width": 0}, "width: found 0, expected at least 1"),
        ({"gate": "quadratic"}, "gate: found 'quadratic', expected one of linear, residual_convolution, top_k"),
        ({"gate_input": "stars"}, "gate_input: found 'stars', expected one of sequence_representation, "),
        ({"scale": "per_head"}, "scale: found 'per_head', expected one of per_expert_rank, per_rank"),
        ({"gate_input": "constant"}, "width: found 8, expected 1"),
        ({"active_experts": 2}, "active_experts: found 2, expected None: the gate is 'linear'"),
        ({"gate": "top_k"}, "active_experts: found None, expected 1 to 4"),
        ({"gate": "top_k", "active_experts": 0}, "active_experts: found 0, expected 1 to 4"),
        ({"gate": "top_k", "active_experts": 5}, "active_experts: found 5, expected 1 to 4"),
    ],
)
def test_impossible_settings_are_refused_by_name(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as error:
        InstanceWiseConfig(**{"experts": 4, "width": 8, **settings})
    assert str(error.value).startswith(message)


def test_the_defaults_are_the_papers_gate_with_the_released_codes_scale() -> None:
    config = InstanceWiseConfig(experts=4, width=64)
    assert (config.gate, config.gate_input, config.scale) == ("linear", "sequence_representation", "per_expert_rank")


@pytest.mark.parametrize(
    ("config", "constant"),
    [
        (InstanceWiseConfig(experts=4, width=8), False),
        (InstanceWiseConfig(experts=4, width=8, gate_input="shuffled"), False),
        (InstanceWiseConfig(experts=4, width=1, gate_input="constant"), True),
        (InstanceWiseConfig(experts=1, width=8), True),
    ],
)
def test_a_gate_is_constant_with_one_expert_or_without_input(config: InstanceWiseConfig, constant: bool) -> None:
    assert config.is_constant is constant
