"""A sample of questions and answers as a searchable page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ilora.artifacts.parquet import read_table
from ilora.datasets.wording import PromptWording
from ilora.evaluation.answer_sample import ANSWER_SAMPLE, SAMPLE
from ilora.layout import TABLES
from ilora.methods.register import CHAT_METHODS
from ilora.plotting.html_page import html_page
from ilora.plotting.labels import method_label, setting_label
from ilora.reporting.declaration import Given, Wildcards, of_each_dataset
from ilora.reporting.document import Document

if TYPE_CHECKING:
    from ilora.study.study import Study

#: Function from titles of history and candidates to the text of the prompt.
WritePrompt = Callable[[Sequence[str], Sequence[str]], str]

_QUESTION = ("sequence_id", "draw")
_LEAD = "What the methods read and what they answered, for a random sample of questions to search and filter."
_NOTES = (
    "The questions were chosen by a seeded hash of their numbers, without looking at questions or answers. They are "
    "the same for every method, except for methods that were asked about fewer candidate sets.",
    "The prompt is the one of the tuned methods; <item> marks a behaviour token. Methods that read text alone get the "
    "same prompt without these. In a chat template, the prompt is the user's message. If finetuning.prompt_texts is "
    "sentences, a tuned method reads the same titles as running text.",
    "Answers are shown as written: the first non-blank line, up to the end of the turn in a chat or the limit of new "
    "tokens.",
)
_CHAT_NOTE = (
    "A chat model reads the same titles in a prompt of its own; ChatRec gets the candidates in the recommender's order."
)


def answers_page(title: str, samples: Iterable[pa.Table], write_prompt: WritePrompt) -> str:
    """Return the page: a row for each question with its prompt, its target and the answer of every method and seed.

    Args:
        title: title of the page.
        samples: tables of the schema `ilora.evaluation.answer_sample.ANSWER_SAMPLE`, of one data set.
        write_prompt: function that returns the prompt of a question.
    """
    answers = [row for sample in samples for row in sample.to_pylist()]
    answers.sort(key=_question)  # stable: the methods keep their order
    rows = "".join(_question_row(list(group), write_prompt) for _, group in groupby(answers, _question))
    choices = {
        "method": {row["method"]: method_label(row["method"]) for row in answers},
        "category": {row["category"]: row["category"] for row in sorted(answers, key=lambda row: row["category"])},
    }
    controls = "".join(_select(name, options) for name, options in choices.items())
    notes = (*_NOTES, _CHAT_NOTE) if set(CHAT_METHODS).intersection(choices["method"]) else _NOTES
    return html_page(title, _LEAD, _BODY.format(controls=controls, rows=rows) + _SCRIPT, notes)


def _question(row: Mapping[str, Any]) -> tuple[int, ...]:
    return tuple(row[name] for name in _QUESTION)


def _question_row(answers: Sequence[Mapping[str, Any]], write_prompt: WritePrompt) -> str:
    first = answers[0]
    about = f"user {first['user_id']}, sequence {first['sequence_id']}, candidate set {first['draw']}"
    return (
        f'<tr class="question"><td>{escape(about)}<pre>{escape(write_prompt(first["history"], first["candidates"]))}'
        f"</pre></td><td>{escape(first['target'])}</td>"
        f'<td><table class="answers"><tbody>{"".join(map(_answer_row, answers))}</tbody></table></td></tr>\n'
    )


def _answer_row(row: Mapping[str, Any]) -> str:
    seed = "" if row["seed"] < 0 else f", seed {row['seed']}"
    return (
        f'<tr class="answer" data-method="{escape(row["method"])}" data-category="{escape(row["category"])}">'
        f"<td>{escape(method_label(row['method']) + seed)}</td><td>{escape(row['text'])}</td>"
        f"<td>{escape(row['category'])}</td></tr>\n"
    )


def _select(name: str, options: Mapping[str, str]) -> str:
    listed = "".join(f'<option value="{escape(value)}">{escape(label)}</option>' for value, label in options.items())
    return f'<label>{name} <select id="{name}"><option value="">all</option>{listed}</select></label>\n'


_BODY = """<style>
pre {{ width: min(30em, 75vw); max-height: 14em; overflow: auto; white-space: pre-wrap; }}
pre {{ margin: 0.4em 0 0; padding: 0.5em; background: #f4f4f4; }}
label {{ margin-right: 1.5em; }}
table.answers {{ border: none; margin: 0; }}
table.answers td:not(:nth-child(2)) {{ white-space: nowrap; }}
[hidden] {{ display: none; }}
</style>
<div><label>text <input id="text" type="search"></label>
{controls}<output id="shown"></output></div>
<table>
<thead><tr><th>Prompt</th><th>Target</th><th>Answers</th></tr></thead>
<tbody>
{rows}</tbody>
</table>
"""

_SCRIPT = """<script>
const controls = Object.fromEntries(["text", "method", "category"].map(id => [id, document.getElementById(id)]));
const questions = [...document.querySelectorAll("tr.question")];

function show() {
  const text = controls.text.value.toLowerCase();
  for (const question of questions) {
    const answers = [...question.querySelectorAll("tr.answer")];
    for (const answer of answers) {
      answer.hidden = ["method", "category"].some(
        name => controls[name].value && controls[name].value !== answer.dataset[name]);
    }
    question.hidden = answers.every(answer => answer.hidden) || !question.textContent.toLowerCase().includes(text);
  }
  const shown = questions.filter(question => !question.hidden).length;
  document.getElementById("shown").textContent = `${shown} of ${questions.length} questions`;
}

for (const control of Object.values(controls)) control.addEventListener("input", show);
show();
</script>
"""


def _settings(study: Study, wildcards: Wildcards) -> dict[str, Any]:
    return {
        "backbone": study.writing_models,
        "prompt": study.config.prompt.model_dump(mode="json"),
        "wording": asdict(study.config.data.dataset(wildcards["dataset"]).wording),
    }


def _caption(study: Study, wildcards: Wildcards) -> str:
    seeds = ", ".join(map(str, study.config.seeds))
    return (
        f"What the methods read and answered, for a random sample of at most {SAMPLE['rows']} questions of test users "
        f"of {wildcards['dataset']}. Search the text, or choose a method or a kind of answer. Every method that "
        f"answers in text, every seed ({seeds}), protocol {study.config.protocol}, backbone ``{study.writing_models}``."
    )


def _make(given: Given) -> Mapping[str, pa.Table | str]:
    from ilora.llm.prompts.builder import PromptStyle, prompt_text

    dataset, settings = given.wildcards["dataset"], given.settings
    samples = [read_table(path, ANSWER_SAMPLE) for path in given.inputs["samples"]]
    write_prompt = partial(prompt_text, PromptStyle(**settings["prompt"]), PromptWording(**settings["wording"]))
    return {"html": answers_page(f"Answers: {setting_label(dataset, settings['backbone'])}", samples, write_prompt)}


DOCUMENT = Document(
    folder=TABLES,
    path="{dataset}/answers",
    formats=("html",),
    inputs=lambda study: {"samples": study.targets.answer_samples},
    settings=_settings,
    caption=_caption,
    category="Answers",
    labels=lambda study: {"view": "a sample to read", "data set": "{dataset}", "backbone": study.backbone_id},
    wildcards=lambda study: of_each_dataset(study) if study.writing_methods else [],
    environment="llm",
    make=_make,
)
