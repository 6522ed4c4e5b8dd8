from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
import yaml

from ilora.artifacts.schemas import METRICS
from ilora.reporting.model_card import CardFacts, model_card

FACTS = CardFacts(
    method="ilora",
    adapter="instance_wise",
    dataset="movielens",
    protocol="random_users",
    base_model="embedded",
    base_model_origin=None,
    base_model_licence=None,
    base_model_is_on_hub=False,
    revision=None,
    sequence_encoder="sasrec",
    seed=1,
    prompt={"order": "candidates_first", "behaviour_token": "before_title", "template": "plain"},
    finetuning={"r": 8, "target_modules": ["q_proj", "v_proj"], "epochs": None},
    git_revision="0123abc",
    path="results/adapter",
)


def metrics() -> pa.Table:
    rows = []
    for split, value in (("val", 0.379), ("test", 0.3974)):
        labels: dict[str, Any] = {
            "dataset": "movielens",
            "protocol": "random_users",
            "backbone": "embedded",
            "method": "ilora",
        }
        labels |= {"variant": "default", "seed": 1, "split": split, "candidates_hash": "x"}
        for metric in ("hit_ratio@1", "valid_ratio"):
            rows.append({**labels, "metric": metric, "value": value, "low": value - 0.1, "high": value + 0.1, "n": 95})
    return pa.Table.from_pylist(rows, METRICS)


def test_it_says_what_was_measured_and_of_a_small_model() -> None:
    card = model_card(FACTS, metrics())
    assert "| HitRatio@1 (hits among all answers) | 0.379 [0.279, 0.479] | 0.397 [0.297, 0.497] |" in card
    assert "| MRR | – | – |" in card
    assert "95 test users" in card
    assert "Its numbers say nothing about Llama-2" in card
    assert "- target_modules: q_proj, v_proj\n" in card and "epochs" not in card
    assert "after `import ilora.adapters`, and refuses it without" in card
    assert "MovieLens-100K" in card


def test_the_header_is_what_the_hub_reads() -> None:
    of_hub = replace(FACTS, base_model="meta-llama/Llama-2-7b-hf", base_model_is_on_hub=True, revision="main")
    for facts, base_model in ((FACTS, None), (of_hub, "meta-llama/Llama-2-7b-hf")):
        _, header, _ = model_card(facts, metrics()).split("---\n", 2)
        read = yaml.safe_load(header)
        assert read["library_name"] == "peft" and read.get("base_model") == base_model
    card = model_card(of_hub, metrics())
    assert "small model" not in card
    assert "The base model's licence applies" in card and "revision main" in card


def test_a_model_that_tells_its_licence_is_quoted() -> None:
    told = replace(FACTS, base_model="smollm2", base_model_origin="its maker's", base_model_licence="apache-2.0")
    card = model_card(told, metrics())
    assert "- Base model: smollm2 (its maker's)\n" in card
    assert "licence applies to its use with this adapter: apache-2.0." in card
    silent = model_card(replace(FACTS, base_model="small.gguf"), metrics())
    assert "licence applies to its use with this adapter: see small.gguf." in silent


@pytest.mark.parametrize(("adapter", "sequence_encoder"), [("uniform", None), ("uniform", "sasrec")])
def test_uniform_lora_is_plain_pefts(adapter: str, sequence_encoder: str | None) -> None:
    card = model_card(replace(FACTS, method="llara", adapter=adapter, sequence_encoder=sequence_encoder), metrics())
    assert "PEFT reads this folder" in card
    assert ("projector.safetensors" in card) == (sequence_encoder is not None)


def test_it_says_how_the_model_is_asked() -> None:
    plain = model_card(FACTS, metrics())
    assert "- Prompt: a text that the answer and a newline continue; the candidates, then the history; a" in plain
    chat = {"order": "history_first", "behaviour_token": "after_title", "template": "chat"}
    card = model_card(replace(FACTS, prompt=chat), metrics())
    assert (
        "- Prompt: the user's message in the base model's own chat template; the answer is the assistant's; the" in card
    )
    assert "a behaviour token after each title" in card
    assert "behaviour token" not in model_card(replace(FACTS, prompt=chat, sequence_encoder=None), metrics())


def test_a_data_set_of_the_users_own() -> None:
    assert "the study's own data set" in model_card(replace(FACTS, dataset="books"), metrics())


@pytest.mark.parametrize("folder", ["models/llama", "/data/models/llama", "../llama"])
def test_a_folder_of_this_machine_is_no_link_to_a_model_of_somebody_else(folder: str) -> None:
    _, header, _ = model_card(replace(FACTS, base_model=folder), metrics()).split("---\n", 2)
    assert "base_model" not in yaml.safe_load(header)


@pytest.mark.parametrize("name", ["a/b", "on/off: yes", "x/y # z", "'/\"", "a/b\nlicense: mit"])
def test_a_name_stays_one_value_of_the_header(name: str) -> None:
    card = model_card(replace(FACTS, base_model=name, base_model_is_on_hub=True), metrics())
    _, header, _ = card.split("---\n", 2)
    read = yaml.safe_load(header)
    assert read["base_model"] == name and read.keys() == {"library_name", "pipeline_tag", "base_model", "tags"}
