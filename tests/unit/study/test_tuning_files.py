"""Inputs and params of the rules for tuned adapters."""

import pytest

from ilora.configuration.tuning import EPOCH_MEASURE
from ilora.study.study import Study
from ilora.study.tuning import TuningFiles

RUN = {"dataset": "movielens", "protocol": "random_users", "backbone": "embedded", "seed": "1"}


@pytest.mark.parametrize(
    ("changes", "wildcards", "tokens"),
    [
        ({}, {"method": "ilora"}, 32),
        ({}, {"method": "ilora", "variant": "maximum_new_tokens~64"}, 64),
        ({}, {"method": "ilora", "variant": "preset~released"}, 64),
        ({"finetuning": {"preset": "released", "snapshots": []}}, {"method": "llara"}, 64),
        # The option applies to tuned methods.
        ({"finetuning": {"maximum_new_tokens": 64}}, {"method": "zero_shot"}, 32),
        ({"decoding": {"maximum_new_tokens": 8}}, {"method": "ilora"}, 8),
    ],
)
def test_the_tokens_of_an_answer(changes: dict[str, object], wildcards: dict[str, str], tokens: int) -> None:
    decoding = TuningFiles(Study.load(changes, {})).inference({**RUN, **wildcards})["decoding"]
    assert decoding.get("maximum_new_tokens", 32) == tokens


@pytest.mark.parametrize(("variant", "modules"), [("default", []), ("preset~released", [EPOCH_MEASURE])])
def test_answering_is_code_of_a_fine_tuning_that_takes_its_best_epoch(variant: str, modules: list[str]) -> None:
    assert TuningFiles(Study.load({}, {})).modules({**RUN, "method": "ilora", "variant": variant}) == modules


def test_the_question_about_all_items_is_told_to_prompts_without_candidates_alone() -> None:
    # So that existing results with listed candidates remain valid, and both share the embedded backbone.
    listed, none = (
        Study.load({"prompt": {"candidates": candidates}, "decoding": {"constrained": True}}, {}).targets
        for candidates in ("listed", "none")
    )
    wording = [files.tuning.settings({**RUN, "method": "ilora"})["wording"] for files in (listed, none)]
    assert set(wording[0]) == {"history", "candidates", "question"}
    assert wording[1] == {**wording[0], "open_question": "Which of all movies does the user watch next?\n"}
    assert listed.models.pretraining_prompt == none.models.pretraining_prompt == {}
