"""Model card of a tuned adapter: description, origin and metrics."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from ilora.datasets.register import DATASETS
from ilora.evaluation.metrics import METRICS
from ilora.plotting.labels import dataset_label, method_label

_SPLITS = {"val": "validation", "test": "test"}

_SMALL = (
    "The base model is a small Llama that the workflow pretrains itself in minutes, so that the whole pipeline runs "
    "anywhere. It knows no items. Its numbers say nothing about Llama-2."
)


@dataclass(frozen=True)
class CardFacts:
    """Content of a card besides the metrics.

    Attributes:
        method: id of the method.
        adapter: kind of the adapter, ``uniform`` or ``instance_wise``.
        dataset: name of the data set.
        protocol: protocol of the split.
        base_model: name of the backbone; "embedded" for the one that the workflow pretrains.
        base_model_origin: author and source of the model; None if the name tells.
        base_model_licence: licence in the backbone's own file; None if there is none.
        base_model_is_on_hub: whether the name is that of a model on the hub, not of a directory.
        revision: revision of the backbone on the hub; None for its default branch, or without one.
        sequence_encoder: id of the sequence encoder; None for a method that reads text alone.
        seed: seed of the recommender and the tuning.
        prompt: `prompt` section of the study.
        finetuning: settings of the tuning.
        git_revision: revision of the code; None outside a checkout.
        path: path of the adapter's folder in the study.
    """

    method: str
    adapter: str
    dataset: str
    protocol: str
    base_model: str
    base_model_origin: str | None
    base_model_licence: str | None
    base_model_is_on_hub: bool
    revision: str | None
    sequence_encoder: str | None
    seed: int
    prompt: Mapping[str, str]
    finetuning: Mapping[str, Any]
    git_revision: str | None
    path: str


def model_card(facts: CardFacts, metrics: pa.Table) -> str:
    """Return the card as Markdown, with the header that the Hugging Face hub reads.

    Args:
        facts: facts about the adapter.
        metrics: metrics of the run, of schema `ilora.artifacts.schemas.METRICS`.
    """
    parts = [
        _header(facts),
        f"# {method_label(facts.method)} on {dataset_label(facts.dataset)}\n",
        _summary(facts),
        "## Metrics\n",
        _metrics_table(metrics),
        "## What it was made from\n",
        _settings_list(facts),
        "## Use\n",
        _use(facts),
        "## Licences\n",
        _licences(facts),
    ]
    return "\n".join(parts).rstrip() + "\n"


def _is_embedded(facts: CardFacts) -> bool:
    return facts.base_model == "embedded"


def _header(facts: CardFacts) -> str:
    lines = ["---", "library_name: peft", "pipeline_tag: text-generation"]
    if facts.base_model_is_on_hub:
        # The hub turns it into a link. JSON strings are valid YAML.
        lines.append(f"base_model: {json.dumps(facts.base_model)}")
    return "\n".join([*lines, "tags: [sequential-recommendation, lora, ilora]", "---", ""])


def _summary(facts: CardFacts) -> str:
    kind = {
        "uniform": "LoRA, the same for every sequence",
        "instance_wise": "instance-wise LoRA (arXiv 2408.10159), whose gate weights the experts for each sequence",
    }[facts.adapter]
    base = "the workflow's own embedded backbone" if _is_embedded(facts) else f"`{facts.base_model}`"
    text = f"An adapter of {base}: {kind}. It chooses a user's next item from a candidate set.\n"
    return f"{text}\n{_SMALL}\n" if _is_embedded(facts) else text


def _metrics_table(metrics: pa.Table) -> str:
    found = {(row["split"], row["metric"]): row for row in metrics.to_pylist()}
    lines = ["| metric | " + " | ".join(_SPLITS.values()) + " |", "|---|" + "---|" * len(_SPLITS)]
    for metric in METRICS:
        if metric.is_on_card:
            cells = [_cell(found.get((split, metric.name))) for split in _SPLITS]
            meaning = f" ({metric.meaning})" if metric.meaning else ""
            lines.append(f"| {metric.label}{meaning} | " + " | ".join(cells) + " |")
    users = ", ".join(f"{found[split, 'hit_ratio@1']['n']} {name} users" for split, name in _SPLITS.items())
    return "\n".join([*lines, "", f"Brackets are intervals over users ({users}); one training.", ""])


def _cell(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return "–"
    return f"{row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"


def _settings_list(facts: CardFacts) -> str:
    revision = f", revision {facts.revision}" if facts.revision else ""
    origin = f" ({facts.base_model_origin})" if facts.base_model_origin else ""
    sequence_encoder = "none" if facts.sequence_encoder is None else method_label(facts.sequence_encoder)
    lines = [
        f"- Data: {dataset_label(facts.dataset)}, protocol `{facts.protocol}`; trained on the training split alone",
        f"- Base model: {facts.base_model}{origin}{revision}",
        f"- Sequence encoder: {sequence_encoder}",
        f"- Seed: {facts.seed}",
        f"- Prompt: {_prompt(facts)}",
        f"- Code: git revision {facts.git_revision or 'not in a git checkout'}",
    ]
    lines += [f"- {key}: {_plain(value)}" for key, value in sorted(facts.finetuning.items()) if value is not None]
    return "\n".join([*lines, ""])


def _prompt(facts: CardFacts) -> str:
    template = {
        "plain": "a text that the answer and a newline continue",
        "chat": "the user's message in the base model's own chat template; the answer is the assistant's",
    }[facts.prompt["template"]]
    order = {
        "history_first": "the history, then the candidates",
        "candidates_first": "the candidates, then the history",
    }[facts.prompt["order"]]
    if facts.prompt.get("candidates") == "none":
        order = "the history, without candidates"
    place = {"before_title": "before", "after_title": "after"}[facts.prompt["behaviour_token"]]
    tokens = "" if facts.sequence_encoder is None else f"; a behaviour token {place} each title"
    return f"{template}; {order}{tokens}"


def _plain(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, Sequence) and not isinstance(value, str) else str(value)


def _use(facts: CardFacts) -> str:
    loader = (
        "PEFT reads this folder after `import ilora.adapters`, and refuses it without"
        if facts.adapter == "instance_wise"
        else "PEFT reads this folder"
    )
    projector = ""
    if facts.sequence_encoder is not None:
        projector = " `projector.safetensors` turns the recommender's vectors into the behaviour tokens of the prompts."
    ask = f'ilora predict {facts.path} --history "TITLE" "TITLE"'
    return f"{loader}.{projector} In the workflow's folder, it answers for one history:\n\n```\n{ask}\n```\n"


def _licences(facts: CardFacts) -> str:
    lines = []
    if not _is_embedded(facts):
        licence = f"see {facts.base_model}" if facts.base_model_licence is None else facts.base_model_licence
        lines.append(f"- The base model's licence applies to its use with this adapter: {licence}.")
    source = DATASETS[facts.dataset].source if facts.dataset in DATASETS else None
    if source is None:
        lines.append(f"- {dataset_label(facts.dataset)} is the study's own data set; its owner's terms apply.")
    else:
        lines += [f"- {source.title}: {term}" for term in source.terms]
        lines += [f"- Cite: {citation}" for citation in source.citations]
    return "\n".join([*lines, ""])
