"""The stages in the picture of the workflow follow each other as Snakemake's rules do."""

from __future__ import annotations

import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
import yaml

from checkout import Checkout
from ilora.reporting.stages import STAGES

RULE = re.compile(r"^\s*(?:use rule \w+ as |rule )(\w+)", re.MULTILINE)
#: Rules that are generated, by the beginning of their names.
GENERATED = {"draw_": "figures", "make_": "tables", "write_": "pages", "download_": "acquisition"}
#: A study with a job of every stage.
STUDY = {
    "study": "stages",
    "results": "results/stages",
    "methods": [
        "popularity",
        "sasrec",
        "morec",
        "cofirec",
        "gpt4",
        "chatrec",
        "zero_shot",
        "tallrec",
        "llara",
        "ilora",
    ],
    "data": {"draws": 2, "sources": {"movielens": "tests/workflow/small_movielens"}},
    "recommenders": {"morec": {"encoder": "embedded"}},
    "generative": {"ablations": {"cofirec": [{"order": "random"}]}},
    "figures": {"gradients": True},
    "negative_transfer": {"degrees": [0.5]},
    "feedback": {"rounds": 2},
    "random_splits": {"number": 2},
    "full_ranking": {"enabled": True},
    "drift": {"gaps": [0, 5], "periods": 2, "methods": ["popularity", "ilora"]},
    "sweeps": {"experts": {"parameter": "experts", "values": [1, 4], "methods": ["ilora", "llara"], "by_epoch": True}},
}
#: A model card names the metrics of its adapter, so one rule of the fine-tuning follows the evaluation.
BACKWARDS = {("evaluate", "finetune")}


def stage_by_rule(folder: Path) -> dict[str, str]:
    of_file = {name: stage for stage, declared in STAGES.items() for name in declared.rules}
    return {
        rule: of_file[path.stem]
        for path in (folder / "rules").glob("*.smk")
        for rule in RULE.findall(path.read_text(encoding="utf-8"))
        if path.stem in of_file
    }


def edges_between_stages(graph: str, stages: dict[str, str]) -> set[tuple[str, str]]:
    """Return the edges of a rule graph in the DOT language, between stages."""
    of_file = {name: stage for stage, declared in STAGES.items() for name in declared.rules}
    names = dict(re.findall(r'(\d+)\[label = "(\w+)', graph))

    def stage(number: str) -> str | None:
        name = names[number]
        generated = next((of_file[file] for start, file in GENERATED.items() if name.startswith(start)), None)
        return stages.get(name, generated)

    edges = {(stage(first), stage(second)) for first, second in re.findall(r"(\d+) -> (\d+)", graph)}
    return {(first, second) for first, second in edges if first and second and first != second}


def reachable() -> dict[str, set[str]]:
    """Return the stages before each stage, directly or not."""
    before = {name: {*stage.after, *stage.sometimes_after} for name, stage in STAGES.items()}
    for name in TopologicalSorter(before).static_order():
        before[name] |= {earlier for stage in before[name] for earlier in before[stage]}
    return before


def check(edges: set[tuple[str, str]]) -> None:
    before = reachable()
    # Stages of real users read the data at any time.
    missing = {(first, second) for first, second in edges - BACKWARDS if first not in before[second]}
    assert not {edge for edge in missing if edge[0] != "data"}
    drawn = {(first, name) for name, stage in STAGES.items() for first in (*stage.after, *stage.sometimes_after)}
    assert not drawn - edges


def test_stages_follow_each_other_as_rules_do(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAT_API_KEY", "sk-NeverToBeSeen")
    study = checkout.folder / "stages.yaml"
    study.write_text(yaml.safe_dump(STUDY), encoding="utf-8")
    process = checkout.snakemake("--rulegraph", "dot", "--cores", "1", "--configfile", str(study))
    assert process.returncode == 0, process.stdout
    check(edges_between_stages(process.stdout, stage_by_rule(checkout.folder)))
