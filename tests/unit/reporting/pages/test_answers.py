"""The page of sampled answers."""

import pyarrow as pa

from ilora.evaluation.answer_sample import ANSWER_SAMPLE
from ilora.pages.answers import answers_page

QUESTION = {
    "dataset": "movielens",
    "protocol": "random_users",
    "backbone": "embedded",
    "variant": "default",
    "user_id": 7,
    "history": ["Alien"],
    "candidates": ["<b>Brazil", "The Ape"],
    "target": "The Ape",
}


def sample(method: str, seed: int, *answers: tuple[int, int, str, str]) -> pa.Table:
    rows = [
        QUESTION
        | {"method": method, "seed": seed, "sequence_id": sequence, "draw": draw, "text": text, "category": category}
        for sequence, draw, text, category in answers
    ]
    return pa.Table.from_pylist(rows, schema=ANSWER_SAMPLE)


def test_the_answers_to_one_question_stand_together_and_everything_is_escaped() -> None:
    samples = [
        sample("zero_shot", -1, (2, 0, "<b>Brazil", "valid and wrong"), (1, 0, "", "nothing recognisable")),
        sample("ilora", 3, (2, 0, "The Ape", "valid and right"), (1, 0, "The Ape", "valid and right")),
    ]
    page = answers_page("Answers", samples, lambda history, candidates: "\n".join([*history, *candidates]))
    assert page.count('class="question"') == 2 and page.count('class="answer"') == 4
    first, second = page.split('<tr class="question">')[1:]
    assert "sequence 1, candidate set 0" in first and "sequence 2, candidate set 0" in second
    assert "<pre>Alien\n&lt;b&gt;Brazil\nThe Ape</pre>" in second
    assert second.index("<td>Untuned LLM</td><td>&lt;b&gt;Brazil</td>") < second.index("<td>iLoRA, seed 3</td>")
    assert "<b>" not in page
    assert 'data-method="ilora" data-category="valid and right"' in second


def test_what_can_be_chosen_is_what_there_is() -> None:
    page = answers_page("Answers", [sample("ilora", 3, (1, 0, "x", "nothing recognisable"))], lambda *_: "prompt")
    assert page.count("<option") == 2 + 2
    assert '<option value="ilora">iLoRA</option>' in page
