"""Section `evaluation` times what it claims to; speed is not checked."""

import numpy as np
import pytest
from transformers import GenerationConfig

from ilora.benchmarks import answering
from ilora.benchmarks.workloads import Workload

SETTING = answering.Setting(
    Workload(batch=2, tokens=10, layers=1, hidden_size=32, intermediate_size=48, heads=2, vocabulary_size=50),
    longest_title=3,
)


def test_a_claim_compares_scores_that_are_equal(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, list[float]] = {"score_answers": [], "score_without_sharing": []}

    def watch(name: str) -> None:
        original = getattr(answering, name)

        def watched(*arguments: object) -> object:
            found = original(*arguments)
            seen[name] += [sums for one in (found if isinstance(found, list) else [found]) for sums in one.sums]
            return found

        monkeypatch.setattr(answering, name, watched)

    for name in seen:
        watch(name)
    claim = answering.sharing_claim("claim", SETTING, repeats=2, warm_up=0)
    assert (claim.claim, claim.repeats, claim.target) == ("claim", 2, 1 / 8)
    assert len(seen["score_answers"]) == 2 * 2 * 20
    np.testing.assert_allclose(seen["score_answers"], seen["score_without_sharing"], rtol=1e-5)


def test_decoding_stops_where_titles_end_or_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    lengths = set()
    asked = answering.random_questions(SETTING)
    model = answering.random_model(SETTING)
    original = model.causal_model.generate

    def watched(generation_config: GenerationConfig, **inputs: object) -> object:
        written = original(generation_config=generation_config, **inputs)
        ends = [row.tolist().index(1) for row in written]
        assert ends == [len(answers[0]) - 1 for answers in asked.answers]
        lengths.add((generation_config.eos_token_id is None, written.shape[1] - max(ends)))
        return written

    monkeypatch.setattr(model.causal_model, "generate", watched)
    monkeypatch.setattr(answering, "random_model", lambda setting: model)
    first, second = answering.stopping_claims("claim", SETTING, repeats=2, warm_up=0)
    assert [first.claim, second.claim] == ["claim", "claim_with_prompts"]
    longest = max(len(answers[0]) for answers in asked.answers)
    assert lengths == {(False, 1), (True, 64 - longest + 1)}


def test_the_mid_size_model_has_more_than_100_million_parameters() -> None:
    shape = answering.MID_SIZE_SETTING.model
    block = 4 * shape.hidden_size**2 + 3 * shape.hidden_size * shape.intermediate_size
    assert shape.layers * block + shape.vocabulary_size * shape.hidden_size > 1e8
    assert shape.tokens == 400
