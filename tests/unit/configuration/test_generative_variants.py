"""Ablations of generative recommenders that a study cannot have."""

from __future__ import annotations

from typing import Any

import pytest

from ilora.configuration.loading import load_study
from ilora.configuration.validation import ConfigurationError

STUDY: dict[str, Any] = {"methods": ["cofirec"], "full_ranking": {"enabled": True}}


@pytest.mark.parametrize(
    ("ablations", "message"),
    [
        ({"cofirec": [{"order": "backwards"}]}, r"cofirec\[0\].order: found \"backwards\", expected coarse_to_fine,"),
        ({"cofirec": [{"ordre": "random"}]}, r"cofirec\[0\].ordre: found an unknown key, .*did you mean order"),
        ({"cofirec": [{}]}, r"cofirec\[0\]"),
        (
            {"cofirec": [{"order": "coarse_to_fine"}]},
            r"cofirec\[0\]: found .* expected settings that differ from the study's",
        ),
        ({"cofirec": [{"order": "random"}, {"order": "random"}]}, r"cofirec\[1\]: found .* and other ablations'"),
        (
            {"tiger": [{"levels": 2}]},
            r"tiger: found another method, expected one of the study's generative recommenders \(cofirec\)",
        ),
    ],
)
def test_a_wrong_ablation_is_named(ablations: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=f"generative.ablations.{message}"):
        load_study({**STUDY, "generative": {"ablations": ablations}})


def test_ablations_need_the_full_ranking() -> None:
    config = {**STUDY, "generative": {"ablations": {"cofirec": [{"order": "random"}]}}}
    assert load_study(config).generative.ablations == {"cofirec": ({"order": "random"},)}
    with pytest.raises(ConfigurationError, match="full_ranking.enabled: found false, expected true"):
        load_study({**config, "full_ranking": {"enabled": False}})
