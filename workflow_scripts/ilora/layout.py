"""Paths of a study's artifacts: this is the only module that builds and parses them.

A path contains what its artifact depends on, so that studies share common artifacts:
``STAGE/DATASET/PROTOCOL/[BACKBONE/]METHOD/[VARIANT/]seed~N/FILE``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from pathlib import PurePath
from typing import overload

from ilora.configuration.sections.backbone import EMBEDDED_BACKBONE
from ilora.configuration.types import DEFAULT_VARIANT

#: The seed of a run in which nothing is random.
NO_SEED = -1

#: The final snapshot of a fine-tuning.
LAST_SNAPSHOT = "last"

_DATA = "data/{dataset}/{protocol}"
_EMBEDDED = f"backbone/{{dataset}}/{{protocol}}/{EMBEDDED_BACKBONE}"
_RECOMMENDER = "recommenders/{dataset}/{protocol}/{recommender}"
_SEARCHED = "weight_decay~searched/"
_GENERATORS = "generative/{dataset}/{protocol}/{generator}"
_GENERATOR = f"{_GENERATORS}/{{variant}}/seed~{{seed}}"
_TUNED_METHOD = "{dataset}/{protocol}/{backbone}/{method}/{variant}/seed~{seed}"
_FINETUNE, _LLM, _ANALYSIS = (f"{stage}/{_TUNED_METHOD}" for stage in ("finetune", "llm", "analysis"))
_CLUSTERS = "analysis/{dataset}/{protocol}/clusters/{sequence_encoder}/seed~{seed}"
_OF_BACKBONE = "analysis/{dataset}/{protocol}/{backbone}"
_SYNTHETIC = "negative_transfer/degree~{degree}/seed~{seed}"


#: The folders of figures, tables and pages, each of which defines its own file name.
FIGURES, TABLES, REPORT = "figures", "tables", "report"


class Artifact:
    """An attribute of `Layout`: a path below its folder, in which ``{name}`` is a wildcard."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern

    @overload
    def __get__(self, layout: None, owner: type[Layout]) -> Artifact: ...

    @overload
    def __get__(self, layout: Layout, owner: type[Layout]) -> str: ...

    def __get__(self, layout: Layout | None, owner: type[Layout]) -> Artifact | str:
        """Return the path of a layout's artifact; on the class, the attribute itself."""
        return self if layout is None else f"{layout.results}/{self.pattern}"


@dataclass(frozen=True)
class Layout:
    """The artifacts below a folder; each attribute is a path with wildcards, as declared in rules.

    Attributes:
        results: the results folder.
        is_weight_decay_searched: whether recommenders are trained with a searched L2. Their paths differ from those
            with a fixed L2, so that neither replaces the other.
    """

    results: str
    is_weight_decay_searched: bool = False

    raw_folder = Artifact("raw/{dataset}")
    interactions = Artifact(f"{_DATA}/interactions.parquet")
    items = Artifact(f"{_DATA}/items.parquet")
    preparation_steps = Artifact(f"{_DATA}/preparation_steps.parquet")
    sequences = Artifact(f"{_DATA}/sequences.parquet")
    candidates = Artifact(f"{_DATA}/candidates.parquet")
    dataset_statistics = Artifact(f"{_DATA}/dataset_statistics.parquet")
    # The start times of the periods of the protocol rolling.
    periods = Artifact("data/{dataset}/periods~{periods}.parquet")

    # The commit of a model in the hub's cache, for nodes without network access.
    hub_record = Artifact("backbone/hub/{backbone}.json")
    embedded_backbone = Artifact(_EMBEDDED)
    # A model from a GGUF file or a package, in the format that transformers loads.
    converted_model = Artifact("backbone/converted/{backbone}")
    packaged_model = Artifact("backbone/packaged/{backbone}")

    title_vectors = Artifact("title_vectors/{dataset}/{protocol}/{backbone}/title_vectors.safetensors")
    # Vectors of the texts from which generative recommenders make ids, by level.
    text_vectors = Artifact("title_vectors/{dataset}/{protocol}/{backbone}/text_vectors.safetensors")
    # A training of the search for an L2, and the results of all of them.
    trial_log = Artifact(f"{_RECOMMENDER}/weight_decay~{{weight_decay}}/seed~{{seed}}/training_log.parquet")
    weight_decays = Artifact(f"{_RECOMMENDER}/weight_decays.parquet")

    # HitRatio@1 over random splits of the users.
    baseline_on_splits = Artifact("random_splits/{dataset}/{protocol}/{baseline}.parquet")
    random_splits = Artifact("analysis/{dataset}/{protocol}/random_splits.parquet")

    baseline = Artifact("baselines/{dataset}/{protocol}/{baseline}")
    baseline_predictions = Artifact("baselines/{dataset}/{protocol}/{baseline}/predictions.parquet")
    baseline_ranks = Artifact("baselines/{dataset}/{protocol}/{baseline}/ranks.parquet")

    # A generative recommender: ids of the items, and the model that generates them.
    generator = Artifact(_GENERATOR)
    semantic_ids = Artifact(f"{_GENERATOR}/semantic_ids.safetensors")
    id_statistics = Artifact(f"{_GENERATOR}/id_statistics.parquet")
    generator_model = Artifact(f"{_GENERATOR}/model.safetensors")
    generator_log = Artifact(f"{_GENERATOR}/training_log.parquet")
    generator_ranks = Artifact(f"{_GENERATOR}/ranks.parquet")
    beam_statistics = Artifact(f"{_GENERATOR}/beam_statistics.parquet")
    generator_predictions = Artifact(f"{_GENERATOR}/predictions.parquet")
    generator_ablations = Artifact(f"{_GENERATORS}/ablations.parquet")

    # The memory and time that a fine-tuning with the study's own settings will need.
    tuning_plan = Artifact("plans/{dataset}/{protocol}/{backbone}/{method}.json")
    # The cost of ranking all items by the likelihood of their titles.
    ranking_plan = Artifact("plans/{dataset}/{protocol}/{backbone}/{method}_full_ranking.json")
    # A tuned adapter, file by file, so that a missing file is noticed.
    adapter_config = Artifact(f"{_FINETUNE}/adapter/adapter_config.json")
    adapter_weights = Artifact(f"{_FINETUNE}/adapter/adapter_model.safetensors")
    adapter_settings = Artifact(f"{_FINETUNE}/adapter/ilora.json")
    adapter_projector = Artifact(f"{_FINETUNE}/adapter/projector.safetensors")
    adapter_card = Artifact(f"{_FINETUNE}/adapter/README.md")
    snapshots = Artifact(f"{_FINETUNE}/snapshots")
    tuning_log = Artifact(f"{_FINETUNE}/training_log.parquet")

    tuned_run = Artifact(_LLM)
    tuned_predictions = Artifact(f"{_LLM}/predictions.parquet")
    tuned_ranks = Artifact(f"{_LLM}/ranks.parquet")
    snapshot_predictions = Artifact(f"{_LLM}/steps/step~{{step}}/predictions.parquet")
    # A run of a deterministic method.
    untuned_run = Artifact("llm/{dataset}/{protocol}/{backbone}/{method}/default")
    untuned_predictions = Artifact("llm/{dataset}/{protocol}/{backbone}/{method}/default/predictions.parquet")
    untuned_ranks = Artifact("llm/{dataset}/{protocol}/{backbone}/{method}/default/ranks.parquet")
    # The answers of chat models and their cost; not an output, so that Snakemake never deletes paid answers.
    chat_store = Artifact("chat/answers.sqlite")

    run_predictions = Artifact("{run}/predictions.parquet")
    run_metrics = Artifact("{run}/metrics.parquet")
    run_errors = Artifact("{run}/error_analysis.parquet")
    run_answer_sample = Artifact("{run}/answer_sample.parquet")

    clusters = Artifact(f"{_CLUSTERS}/clusters.parquet")
    cluster_profiles = Artifact(f"{_CLUSTERS}/profiles.parquet")
    gates = Artifact(f"{_ANALYSIS}/gates.parquet")
    expert_usage = Artifact(f"{_ANALYSIS}/expert_usage.parquet")
    gradients = Artifact(f"{_ANALYSIS}/gradients/{{snapshot}}.parquet")
    gradient_similarity = Artifact(f"{_OF_BACKBONE}/gradient_similarity.parquet")
    gradient_summary = Artifact(f"{_OF_BACKBONE}/gradient_summary.parquet")
    sweep = Artifact(f"{_OF_BACKBONE}/sweeps/{{sweep}}.parquet")
    sweep_curves = Artifact(f"{_OF_BACKBONE}/sweeps/{{sweep}}_by_epoch.parquet")

    ring_backbone_config = Artifact("negative_transfer/backbone/config.json")
    ring_backbone_weights = Artifact("negative_transfer/backbone/model.safetensors")
    ring_backbone_log = Artifact("negative_transfer/pretraining_log.parquet")
    synthetic_outcomes = Artifact(f"{_SYNTHETIC}/outcomes.parquet")
    synthetic_similarities = Artifact(f"{_SYNTHETIC}/similarities.parquet")
    negative_transfer = Artifact("analysis/negative_transfer.parquet")

    # How the study's methods age: by withheld items, and by periods of a global clock.
    gap_drift = Artifact("analysis/{dataset}/gap_drift.parquet")
    period_drift = Artifact("analysis/{dataset}/period_drift.parquet")

    # Scarcity: few training users, short histories, rare items, and what gates do then.
    cold_gates = Artifact(f"{_ANALYSIS}/cold_gates.parquet")
    scarce_users = Artifact("analysis/{dataset}/scarce_users.parquet")
    short_histories = Artifact("analysis/{dataset}/short_histories.parquet")
    rare_items = Artifact("analysis/{dataset}/rare_items.parquet")
    gates_of_short_histories = Artifact("analysis/{dataset}/gates_of_short_histories.parquet")

    # The simulation of recommend, click and retrain, in two files because their policies need different packages.
    feedback_by_recommenders = Artifact("feedback/seed~{seed}/recommenders.parquet")
    feedback_by_adapters = Artifact("feedback/seed~{seed}/adapters.parquet")
    feedback = Artifact("analysis/feedback.parquet")

    metrics = Artifact(f"{TABLES}/metrics.parquet")
    differences = Artifact(f"{TABLES}/differences.parquet")
    error_analysis = Artifact(f"{TABLES}/error_analysis.parquet")
    ranking_summary = Artifact(f"{TABLES}/full_ranking.parquet")
    ranking_differences = Artifact(f"{TABLES}/full_ranking_differences.parquet")
    costs = Artifact(f"{REPORT}/costs.html")
    logs = Artifact("logs")
    benchmarks = Artifact("benchmarks/rules")

    @property
    def recommender(self) -> str:
        """The folder of a trained recommender."""
        searched = _SEARCHED if self.is_weight_decay_searched else ""
        return f"{self.results}/{_RECOMMENDER}/{searched}seed~{{seed}}"

    @property
    def recommender_on_split(self) -> str:
        """HitRatio@1 of a recommender trained on one split of the users."""
        searched = _SEARCHED if self.is_weight_decay_searched else ""
        folder = f"{self.results}/random_splits/{{dataset}}/{{protocol}}/{{recommender}}"
        return f"{folder}/{searched}seed~{{seed}}/{{users}}.parquet"

    def raw_files(self, dataset: str, names: Iterable[str]) -> list[str]:
        """Return the paths of a data set's downloaded raw files."""
        return [f"{fill(self.raw_folder, dataset=dataset)}/{name}" for name in names]

    def embedded_backbone_file(self, name: str) -> str:
        """Return a file of the embedded backbone."""
        return f"{self.embedded_backbone}/{name}"

    def recommender_file(self, name: str) -> str:
        """Return a file of a trained recommender."""
        return f"{self.recommender}/{name}"


def fill(pattern: str, **values: object) -> str:
    """Return the pattern with the given wildcards replaced; others are kept."""
    return re.sub(r"\{(\w+)\}", lambda match: str(values.get(match[1], match[0])), pattern)


def expand(pattern: str, **values: object) -> list[str]:
    """Return the pattern filled with every combination of the given values, without duplicates.

    Args:
        pattern: a path with wildcards; those without values are kept.
        values: for each wildcard, a value or several values; a string is one value.
    """
    lists = {name: _as_list(value) for name, value in values.items() if f"{{{name}}}" in pattern}
    rows = (dict(zip(lists, row, strict=True)) for row in product(*lists.values()))
    return list(dict.fromkeys(fill(pattern, **row) for row in rows))


def _as_list(value: object) -> list[object]:
    return list(value) if isinstance(value, Iterable) and not isinstance(value, str) else [value]


#: A data set and a protocol, such as ("movielens", "random_users").
DataKey = tuple[str, str]


@dataclass(frozen=True)
class Run:
    """One method with one seed on one data set.

    Attributes:
        dataset: name of the data set, for example "movielens".
        protocol: name of the protocol, for example "random_users".
        method: the method's id, for example "ilora".
        backbone: id of the language model; "" if the method has none.
        variant: "default", or the settings that a sweep varies.
        seed: random seed; `NO_SEED` if the run is deterministic.
        step: step of the fine-tuning, for a run of a snapshot; None for the final adapter.
    """

    dataset: str
    protocol: str
    method: str
    backbone: str = ""
    variant: str = DEFAULT_VARIANT
    seed: int = NO_SEED
    step: int | None = None

    @property
    def data(self) -> DataKey:
        """The data set and protocol."""
        return self.dataset, self.protocol

    @property
    def without_seed(self) -> Run:
        """The run without its seed, which is the same for all seeds of a method."""
        return replace(self, seed=NO_SEED)


def parse_data(path: str | os.PathLike[str]) -> DataKey:
    """Return the data set and protocol of an artifact below data/DATASET/PROTOCOL/.

    Raises:
        ValueError: the path does not have this layout.
    """
    match = re.fullmatch(_expression(_DATA) + "/[^/]+", PurePath(path).as_posix())
    if not match:
        raise ValueError(f"{path}: not the path of a data set's artifact. Expected .../data/DATASET/PROTOCOL/FILE.")
    return match["dataset"], match["protocol"]


def parse_run(path: str | os.PathLike[str]) -> Run:
    """Return the run of a path: its folder, its predictions, or a file made from them.

    Anything before the stage in the path is ignored.

    Raises:
        ValueError: the path does not have a known layout.
    """
    text = PurePath(path).as_posix()
    for labels in _labels(text):
        seed, step = labels.pop("seed", NO_SEED), labels.pop("step", None)
        for name in ("recommender", "baseline", "generator"):
            if name in labels:
                labels["method"] = labels.pop(name)
        return Run(**labels, seed=int(seed), step=None if step is None else int(step))
    raise ValueError(
        f"{text}: not the path of a run. Expected .../recommenders/DATASET/PROTOCOL/METHOD/[weight_decay~searched/]"
        "seed~N, .../baselines/DATASET/PROTOCOL/METHOD, .../generative/DATASET/PROTOCOL/METHOD/VARIANT/seed~N or "
        ".../llm/DATASET/PROTOCOL/BACKBONE/METHOD/VARIANT[/seed~N[/steps/step~N]] "
        "(likewise below finetune and analysis)."
    )


def _labels(path: str) -> Iterator[dict[str, str]]:
    """Yield the wildcard values of each pattern of runs that matches a path."""
    for expression in _RUNS:
        match = expression.fullmatch(path)
        if match:
            yield match.groupdict()


#: Regular expressions of wildcards that are more specific than any text without a slash.
_WILDCARDS: Mapping[str, str] = {"seed": r"\d+", "step": r"\d+", "variant": r"(?!seed~)[^/]+"}


def _expression(pattern: str) -> str:
    """Return a regular expression that matches a pattern at the end of any path."""
    parts = re.split(r"\{(\w+)\}", pattern)
    named = [f"(?P<{name}>{_WILDCARDS.get(name, '[^/]+')})" for name in parts[1::2]]
    literal = [re.escape(part) for part in parts[::2]]
    return "(?:.*/)?" + "".join(part for pair in zip(literal, [*named, ""], strict=True) for part in pair)


_FILE = r"(?:/(?:predictions|ranks|metrics|error_analysis|answer_sample|training_log|gates|cold_gates)\.parquet)?"
_RUNS = tuple(
    re.compile(_expression(pattern) + _FILE)
    for pattern in (
        f"{_RECOMMENDER}/seed~{{seed}}",
        f"{_RECOMMENDER}/{_SEARCHED}seed~{{seed}}",
        Layout.baseline.pattern,
        _GENERATOR,
        *(stage + below for stage in (_LLM, _FINETUNE, _ANALYSIS) for below in ("", "/steps/step~{step}")),
        *(
            f"{stage}/{{dataset}}/{{protocol}}/{{backbone}}/{{method}}/{{variant}}"
            for stage in ("llm", "finetune", "analysis")
        ),
    )
)
