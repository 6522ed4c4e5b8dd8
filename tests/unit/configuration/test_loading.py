"""A configuration is valid, or all of its errors are named: key, value found, values allowed."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from ilora.configuration.endpoint import endpoint_address
from ilora.configuration.finetuning import finetuning_values
from ilora.configuration.loading import load_study
from ilora.configuration.native_precision import native_precision
from ilora.configuration.sections.backbone import BackboneSection, Precision, Quantization
from ilora.configuration.sections.chat import ChatSection
from ilora.configuration.study import StudyConfig
from ilora.configuration.validation import ConfigurationError
from ilora.datasets.register import DATASETS
from ilora.study.study import Study


def overlay(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Merge like Snakemake's configuration files: mappings by key, everything else replaced."""
    merged = copy.deepcopy(base)
    for key, value in changes.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = overlay(merged[key], value) if both else value
    return merged


@pytest.fixture(scope="module")
def defaults(repository: Path) -> dict[str, Any]:
    values = yaml.safe_load((repository / "config.yaml").read_text(encoding="utf-8"))
    assert isinstance(values, dict)
    return values


def lines_of(config: dict[str, Any]) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load_study(config)
    first, *rest = str(caught.value).split("\n")
    assert first == "the configuration is not valid:"
    return [line.strip() for line in rest]


def test_the_default_configuration_is_the_models(defaults: dict[str, Any]) -> None:
    assert load_study(defaults) == StudyConfig() == load_study({})


STUDIES = [
    "beauty_sequences",
    "beauty_sequences_binary_cross_entropy",
    "caseq",
    "drift",
    "embedded",
    "embedded_two_datasets",
    "figures",
    "full_ranking",
    "full_ranking_binary_cross_entropy",
    "full_ranking_language_models",
    "generative",
    "local_chat",
    "own_data",
    "paper",
    "pretrained",
    "released",
    "released_epochs",
    "released_switches",
    "scarcity",
    "smoke",
    "weight_decay",
]


@pytest.mark.parametrize("name", STUDIES)
def test_studies_are_valid(repository: Path, defaults: dict[str, Any], name: str) -> None:
    changes = yaml.safe_load((repository / "studies" / f"{name}.yaml").read_text(encoding="utf-8"))
    study = load_study(overlay(defaults, changes))
    assert study.study == name


@pytest.mark.parametrize("name", STUDIES)
def test_no_key_stands_twice_in_a_study(repository: Path, name: str) -> None:
    """YAML silently uses the last one."""
    nodes = [yaml.compose((repository / "studies" / f"{name}.yaml").read_text(encoding="utf-8"))]
    while nodes:
        node = nodes.pop()
        if isinstance(node, yaml.MappingNode):
            keys = [key.value for key, _ in node.value]
            assert len(set(keys)) == len(keys), keys
            nodes += [value for _, value in node.value]


@pytest.mark.parametrize(("value", "searched"), [(0, False), (0.001, False), ("searched", True)])
def test_weight_decay_is_a_number_or_searched(value: object, searched: bool) -> None:
    recommenders = load_study({"recommenders": {"weight_decay": value}}).recommenders
    assert recommenders.weight_decay == value
    assert recommenders.is_weight_decay_searched == searched


@pytest.mark.parametrize("name", ["embedded", "paper"])
def test_the_large_studies_have_the_chat_methods(repository: Path, name: str) -> None:
    changes = yaml.safe_load((repository / "studies" / f"{name}.yaml").read_text(encoding="utf-8"))
    assert {"gpt4", "chatrec", "tallrec"} <= {*changes["methods"]}


def test_every_study_is_tested(repository: Path) -> None:
    assert {path.stem for path in (repository / "studies").iterdir()} == set(STUDIES)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"finetuning": {"r": "8"}}, 'finetuning.r: found "8", expected a whole number'),
        ({"finetuning": {"r": 8.5}}, "finetuning.r: found 8.5, expected a whole number"),
        ({"finetuning": {"r": True}}, "finetuning.r: found true, expected a whole number"),
        ({"finetuning": {"r": 0}}, "finetuning.r: found 0, expected a value of at least 1"),
        ({"finetuning": {"lora_dropout": 1.0}}, "finetuning.lora_dropout: found 1.0, expected a value less than 1"),
        ({"finetuning": {"l2": -1}}, "finetuning.l2: found -1, expected a value of at least 0.0"),
        ({"finetuning": {"adam_beta2": 1.0}}, "finetuning.adam_beta2: found 1.0, expected a value less than 1.0"),
        (
            {"finetuning": {"curriculum_counter": "batch"}},
            'finetuning.curriculum_counter: found "batch", expected training or epoch',
        ),
        ({"finetuning": {"curriculum": "yes"}}, 'finetuning.curriculum: found "yes", expected true or false'),
        (
            {"finetuning": {"learning_rate": "3e-3"}},
            'finetuning.learning_rate: found "3e-3", expected a number (YAML reads this as text; write 0.003)',
        ),
        (
            {"finetuning": {"gate": "deep"}},
            'finetuning.gate: found "deep", expected linear, residual_convolution or top_k',
        ),
        ({"finetuning": None}, "finetuning: found null, expected a mapping of keys to values"),
        ({"seeds": 1}, "seeds: found 1, expected a list"),
        ({"seeds": []}, "seeds: found [], expected at least 1 entry"),
        ({"seeds": [1, -2]}, "seeds[1]: found -2, expected a value of at least 0"),
        (
            {"datasets": ["Net-Flix"]},
            'datasets[0]: found "Net-Flix", expected a name of lower-case letters, digits and _',
        ),
        (
            {"data": {"sources": {"lastfm": ""}}},
            'data.sources.lastfm: found "", expected text that is not empty',
        ),
        (
            {"results": "results/"},
            'results: found "results/", expected a path without ~, braces',
        ),
        (
            {"recommenders": {"sasrec": {"activation": "tanh"}}},
            'recommenders.sasrec.activation: found "tanh", expected relu or gelu',
        ),
        (
            {"recommenders": {"weight_decay": "search"}},
            'recommenders.weight_decay: found "search", expected a number of at least 0 and less than 1, or searched',
        ),
        (
            {"recommenders": {"weight_decay": "1e-4"}},
            'recommenders.weight_decay: found "1e-4", expected a number of at least 0 and less than 1, or searched '
            "(YAML reads this as text; write 0.0001)",
        ),
        (
            {"recommenders": {"weight_decay_search": {"values": [0.0]}}},
            "recommenders.weight_decay_search.values: found [0.0], expected at least 2 entry",
        ),
        (
            {"recommenders": {"weight_decay_search": {"values": [0.001, 0, 0.001]}}},
            "recommenders.weight_decay_search.values: found 0.001 2 times, expected each entry once",
        ),
    ],
)
def test_wrong_types_and_values(changes: dict[str, Any], line: str) -> None:
    (found,) = lines_of(changes)
    assert found.startswith(line)


def test_an_unknown_method_is_reported_once() -> None:
    (line,) = lines_of({"methods": ["sasrec", "bert4rec"]})
    assert line.startswith('methods[1]: found "bert4rec", expected popularity, markov, gru4rec, ')


@pytest.mark.parametrize(
    ("changes", "path", "guess"),
    [
        ({"finetunning": {}}, "finetunning", " (did you mean finetuning?)"),
        ({"recommenders": {"sasrec": {"layer": 2}}}, "recommenders.sasrec.layer", " (did you mean layers?)"),
        ({"zzz": 1}, "zzz", "resources"),
    ],
)
def test_unknown_keys(changes: dict[str, Any], path: str, guess: str) -> None:
    (found,) = lines_of(changes)
    assert found.startswith(f"{path}: found an unknown key, expected one of ")
    assert found.endswith(guess)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {"finetuning": {"r": 6}},
            "finetuning.r: found 6, expected a multiple of finetuning.experts (4): each expert has rank r/experts",
        ),
        (
            {"datasets": ["netflix"]},
            "datasets: found netflix, expected one of movielens, lastfm, steam, movielens_1m, amazon_beauty, "
            "amazon_sports, amazon_toys (your own data sets are defined in data.own)",
        ),
        (
            {"finetuning": {"per_dataset": {"steem": {}}}},
            "finetuning.per_dataset.steem: found an unknown data set, expected one of movielens, lastfm, steam, "
            "movielens_1m, amazon_beauty, amazon_sports, amazon_toys (your own data sets are defined in data.own)",
        ),
        ({"seeds": [1, 2, 1]}, "seeds: found 1 2 times, expected each entry once"),
        ({"methods": ["ilora", "ilora"]}, "methods: found ilora 2 times, expected each entry once"),
        (
            {"finetuning": {"steps": 100, "snapshots": [50, 200]}},
            "finetuning.snapshots: found [200], expected steps up to finetuning.steps (100)",
        ),
        (
            {"finetuning": {"snapshots": [20, 10]}},
            "finetuning.snapshots: found [20, 10], expected steps in ascending order",
        ),
        (
            {"finetuning": {"epochs": 2}},
            "finetuning.steps: found steps and epochs, expected one of them, the other null",
        ),
        (
            {"finetuning": {"steps": None}},
            "finetuning.steps: found neither steps nor epochs, expected one of them, the other null",
        ),
        (
            {"finetuning": {"gradient_accumulation": 3}},
            "finetuning.gradient_accumulation: found 3, expected a divisor of finetuning.batch_size (16)",
        ),
        (
            {"finetuning": {"patience": 3, "snapshots": []}},
            "finetuning.patience: found 3, expected null, or a number in finetuning.validation_every",
        ),
        (
            {"finetuning": {"patience": 3, "validation_every": 100, "snapshots": [], "best_epoch": True}},
            "finetuning.best_epoch: found true, expected false: finetuning.patience selects the state by its "
            "validation loss",
        ),
        (
            {
                "finetuning": {"prompt_texts": "sentences"},
                "prompt": {"template": "chat"},
                "backbone": {"name": "org/model", "gpus": 1},
            },
            "finetuning.prompt_texts: found sentences, expected lists: prompt.template is chat, which has its own "
            "sentences",
        ),
        (
            {"finetuning": {"patience": 3, "validation_every": 100}},
            "finetuning.snapshots: found [100, 300, 1000, 2000], expected []: with finetuning.patience set, "
            "training may stop before them",
        ),
        (
            {"backbone": {"name": "someone/something", "gpus": 2, "nodes": 3}},
            "finetuning.batch_size: found 16, expected a multiple of finetuning.gradient_accumulation (1) times the 6 "
            "processes (backbone.gpus on each of backbone.nodes) that share a batch",
        ),
        (
            {"backbone": {"name": "someone/something", "gpus": 0, "nodes": 2}},
            "backbone.nodes: found 2, expected 1: several nodes need backbone.gpus and another backbone than the "
            "embedded one",
        ),
        (
            {"backbone": {"name": "someone/something", "sharded": True}},
            "backbone.sharded: found true, expected false: there is only one process, which holds all weights",
        ),
        (
            {"backbone": {"name": "someone/something", "gpus": 2, "sharded": True, "quantization": "nf4"}},
            "backbone.sharded: found true, expected false: weights in nf4 cannot be sharded",
        ),
        (
            {"backbone": {"quantization": "nf4"}},
            "backbone.quantization: found nf4, expected null: the embedded backbone is small",
        ),
        (
            {"finetuning": {"per_dataset": {"movielens": {"r": 10}}}},
            "finetuning.per_dataset.movielens.r: found 10, expected a multiple of finetuning.experts (4): "
            "each expert has rank r/experts",
        ),
        (
            {"data": {"minimum_history": 11}},
            "data.minimum_history: found 11, expected at most data.maximum_history (10)",
        ),
        (
            {"datasets": ["movielens", "lastfm"], "data": {"sources": {"movielens": "recbole"}}},
            "data.sources.lastfm: found nothing, expected download or the folder of its raw files (datasets lists it)",
        ),
        (
            {"data": {"sources": {"steam": "recbole"}}, "datasets": ["steam"]},
            "data.sources.steam: found recbole, expected download or a folder: recbole is a source only of movielens",
        ),
        (
            {"recommenders": {"sasrec": {"heads": 3}}},
            "recommenders.embedding_size: found 64, expected a multiple of recommenders.sasrec.heads (3)",
        ),
        (
            {"recommenders": {"caseq": {"heads": 3}}},
            "recommenders.embedding_size: found 64, expected a multiple of recommenders.caseq.heads (3)",
        ),
        (
            {"recommenders": {"caseq": {"units": 5, "layers": 6}}},
            "recommenders.caseq.units: found 5, expected at most 4096 contexts: 6 layers of 5 units have 15625",
        ),
        (
            {"embedded_backbone": {"heads": 3}},
            "embedded_backbone.hidden_size: found 128, expected a multiple of 2 x embedded_backbone.heads "
            "(6): rotary embeddings need an even head size",
        ),
        (
            {"prompt": {"order": "history_first"}},
            "prompt.order: found history_first, expected candidates_first: the embedded backbone supports no other",
        ),
        (
            {"prompt": {"template": "chat"}},
            "prompt.template: found chat, expected plain: the embedded backbone has no chat template",
        ),
        (
            {"embedded_backbone": {"steps": 100}},
            "embedded_backbone.warmup_steps: found 100, expected less than embedded_backbone.steps (100)",
        ),
        (
            {"backbone": {"revision": "main"}},
            "backbone.revision: found main, expected null: embedded has no revisions",
        ),
    ],
)
def test_wrong_combinations(changes: dict[str, Any], line: str) -> None:
    assert lines_of(changes) == [line]


@pytest.mark.parametrize("name", ["llama", "./models/none", "/models/none", "~/llama", "a/b/c", "meta llama/x"])
def test_an_unknown_backbone(name: str) -> None:
    assert lines_of({"backbone": {"name": name}}) == [
        f"backbone.name: found {name}, expected embedded, smollm2, all-minilm-l6-v2, a directory or GGUF file that "
        "exists, or organisation/model on the Hugging Face hub"
    ]


BOOKS: dict[str, Any] = {"interactions": "ratings.csv", "items": "books.parquet"}
SWEEP: dict[str, Any] = {"parameter": "experts", "values": [2, 4]}
LONG = "b" * 100 + "c" * 200


@pytest.mark.parametrize(
    ("config", "line"),
    [
        ({"data": {"own": {LONG: BOOKS}}}, f'data.own.{LONG}: found "bbb'),
        (
            {"data": {"own": {"a" * 20: BOOKS}}},
            f"data.own.{'a' * 20}: found .*, expected a name that does not end in the",
        ),
        (
            {"data": {"own": {"x" + "ab_" * 20: BOOKS}}},
            "data.own.xab_.*, expected a name that does not end in the same",
        ),
        ({"sweeps": {"b" * 65: SWEEP}}, "sweeps.bbb.* expected text of at most 64 characters"),
        ({"sweeps": {"b" * 64: SWEEP}}, "sweeps.bbb.* expected a name that does not end in the same"),
        (
            {"results": f"made/{LONG}"},
            "results: found .* expected a path of at most 2000 bytes, with at most 255 between",
        ),
        ({"results": "made/" * 400 + "x"}, "results: found .* expected a path of at most 2000 bytes"),
        (
            {"data": {"own": {"books": {**BOOKS, "items": f"{LONG}.csv"}}}},
            "data.own.books.items: found .* a path of at",
        ),
        ({"data": {"sources": {"movielens": LONG}}}, "data.sources.movielens: found .* a path of at most"),
        ({"data": {"lock": LONG}}, "data.lock: found .* a path of at most"),
        ({"backbone": {"name": LONG}}, "backbone.name: found .* a path of at most"),
        ({"backbone": {"name": f"o/{LONG[:201]}"}}, "backbone.name: found .* has at most 200 characters"),
        ({"backbone": {"name": "o/m", "revision": "1" * 20}}, "backbone.name: found .* does not end in the same"),
        ({"recommenders": {"morec": {"encoder": LONG}}}, "recommenders.morec.encoder: found .* a path of at most"),
        ({"chat": {"model": "m" * 20}}, "chat.model: found .* does not end in the same"),
        (
            {"sweeps": {"s": {**SWEEP, "settings": {"snapshots": list(range(1, 200))}}}},
            r"sweeps.s.values\[0\]: found .* expected settings whose name in paths has at most 240 characters",
        ),
    ],
)
def test_names_that_no_file_system_or_snakemake_takes_are_refused(config: dict[str, Any], line: str) -> None:
    assert re.match(line, lines_of(config)[0])


def test_names_may_be_long_and_varied() -> None:
    name = "abc_" * 16
    assert load_study({"datasets": [name], "data": {"own": {name: BOOKS}}}).datasets == (name,)


def nested(levels: int) -> list[object]:
    """Return the structure that YAML aliases expand to: lists of ten times the same list."""
    inner: list[object] = [1] * 10
    for _ in range(levels):
        inner = [inner] * 10
    return inner


def holding_itself() -> list[object]:
    inner: list[object] = []
    inner.append(inner)
    return inner


@pytest.mark.parametrize(
    "value",
    [nested(9), holding_itself(), {"a": nested(7)}, ["x" * 1000] * 1001, json.loads("[" * 51 + "]" * 51)],
    ids=["aliases", "loop", "mapping", "text", "deep"],
)
def test_a_configuration_beyond_any_size_is_refused_before_it_is_checked(value: object) -> None:
    assert lines_of({"seeds": value, "study": "x"}) == [
        "seeds: found too many values, too long or too deep, expected at most 1,000,000 characters in 50 levels, with "
        "every YAML alias (*name) written out"
    ]


def test_every_problem_is_named_at_once() -> None:
    assert len(lines_of({"seed": [1], "finetuning": {"r": "8", "gate": "deep"}})) == 3
    assert len(lines_of({"seeds": [1, 1], "finetuning": {"r": 6}})) == 2


def test_per_dataset_values_are_validated() -> None:
    (line,) = lines_of({"finetuning": {"per_dataset": {"movielens": {"experst": 8}}}})
    assert line.startswith("finetuning.per_dataset.movielens.experst: found an unknown key, expected one of r, ")
    assert line.endswith(" (did you mean experts?)")


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"finetuning": {"rank": 8}}, "finetuning.rank: found an unknown key, expected r, the new name of rank"),
        ({"finetuning": {"per_dataset": {"movielens": {"alpha": 8}}}}, "expected lora_alpha, the new name of alpha"),
        ({"recommenders": {"guide": "sasrec"}}, "expected sequence_encoder, the new name of guide"),
        (
            {"negative_transfer": {"rank": 8}},
            "negative_transfer.rank: found an unknown key, expected r, the new name of rank",
        ),
        (
            {"sweeps": {"mine": {"parameter": "guidance", "values": ["shuffled", "constant"]}}},
            "sweeps.mine.parameter: found guidance, expected gate_input, the new name of guidance",
        ),
        ({"protocol": "published"}, 'protocol: found "published", expected random_users, the new name of published'),
    ],
)
def test_names_of_earlier_versions_are_answered_with_their_names_of_today(changes: dict[str, Any], line: str) -> None:
    (found,) = lines_of(changes)
    assert line in found


@pytest.mark.parametrize("preset", ["paper", "released"])
def test_a_study_takes_a_preset_by_its_name_alone(preset: str) -> None:
    assert load_study({"finetuning": {"preset": preset, "snapshots": []}}).finetuning.preset == preset


NUMBERS = {"user": 1, "item": 2, "rating": 3, "timestamp": 4, "item_id": 1, "title": 2}


class TestOwnDatasets:
    def test_two_files_are_enough(self) -> None:
        study = load_study({"datasets": ["books", "movielens"], "data": {"own": {"books": BOOKS}}})
        assert study.known_datasets == (*DATASETS, "books")
        own = study.data.own["books"]
        assert own.columns.model_dump() == {
            "user": "user_id",
            "item": "item_id",
            "timestamp": "timestamp",
            "rating": "rating",
            "item_id": "item_id",
            "title": "title",
            "split_user": "user_id",
            "split": "split",
        }
        assert (own.timestamps, own.encoding, own.minimum_rating, own.splits) == ("seconds", "utf-8", None, None)

    def test_files_without_a_header_are_named_by_numbers(self) -> None:
        own = {**BOOKS, "interactions": "ratings.dat", "items": "movies.dat", "separator": "::", "header": False}
        study = load_study({"data": {"own": {"books": {**own, "columns": NUMBERS}}}})
        assert study.data.own["books"].columns.timestamp == 4
        (line,) = lines_of(
            {"data": {"own": {"books": {**own, "columns": {**NUMBERS, "split_user": 1}, "splits": "users.dat"}}}}
        )
        assert line.startswith("data.own.books.columns.split: found split, expected the number of a column")
        parquet = {**own, "items": "movies.parquet", "columns": {**NUMBERS, "item_id": "isbn", "title": "name"}}
        assert load_study({"data": {"own": {"books": parquet}}}).data.own["books"].columns.title == "name"

    def test_fine_tuning_may_name_them(self) -> None:
        study = load_study(
            {
                "datasets": ["books"],
                "data": {"own": {"books": BOOKS}},
                "finetuning": {"per_dataset": {"books": {"r": 16}}},
            }
        )
        assert finetuning_values(study.finetuning, "books").r == 16

    @pytest.mark.parametrize(
        ("own", "line"),
        [
            ({"interactions": "a.csv"}, "data.own.books.items: found nothing, expected a value: it has no default"),
            (
                {**BOOKS, "items": "a.xlsx"},
                'data.own.books.items: found "a.xlsx", expected a file that ends in .csv, ',
            ),
            ({**BOOKS, "columns": {"user": ""}}, 'data.own.books.columns.user: found "", expected the name of a col'),
            ({**BOOKS, "columns": {"users": "u"}}, "data.own.books.columns.users: found an unknown key, expected one "),
            (
                {**BOOKS, "timestamp": "dates"},
                "data.own.books.timestamp: found an unknown key, expected one of interac",
            ),
            ({**BOOKS, "timestamps": "iso"}, 'data.own.books.timestamps: found "iso", expected seconds, milliseconds'),
            ({**BOOKS, "minimum_items_per_user": 0}, "data.own.books.minimum_items_per_user: found 0, expected a valu"),
            (
                {**BOOKS, "words": {"items": "a\nb"}},
                r'data.own.books.words.items: found "a\nb", expected words separated by single spaces',
            ),
            ({**BOOKS, "encoding": "utf8000"}, "data.own.books.encoding: found utf8000, expected a text encoding"),
            *(
                ({**BOOKS, "encoding": name}, f"data.own.books.encoding: found {name}, expected a text encoding")
                for name in ("rot13", "base64", "undefined")
            ),
            ({**BOOKS, "separator": ""}, 'data.own.books.separator: found "", expected one or more characters'),
            ({**BOOKS, "separator": "\n"}, r'data.own.books.separator: found "\n", expected one or more characters'),
            (
                {**BOOKS, "items": "movies.dat"},
                "data.own.books.separator: found nothing, expected the field separator of movies.dat",
            ),
            (
                {**BOOKS, "items": "books.csv", "header": False, "columns": {**NUMBERS, "item_id": "isbn"}},
                "data.own.books.columns.item_id: found isbn, expected the number of a column, from 1",
            ),
            (
                {**BOOKS, "columns": {"user": 0}},
                "data.own.books.columns.user: found 0, expected the name of a column, or",
            ),
        ],
    )
    def test_a_wrong_one_is_refused(self, own: dict[str, Any], line: str) -> None:
        (found,) = lines_of({"data": {"own": {"books": own}}})
        assert found.startswith(line)

    @pytest.mark.parametrize(
        ("name", "line"),
        [
            ("steam", "data.own.steam: found the name of a built-in data set, expected another name"),
            ("My-Books", "data.own.My-Books: found "),
        ],
    )
    def test_a_wrong_name_is_refused(self, name: str, line: str) -> None:
        (found,) = lines_of({"data": {"own": {name: BOOKS}}})
        assert found.startswith(line)


class TestBackbone:
    def test_embedded(self) -> None:
        backbone = load_study({}).backbone
        assert backbone.is_embedded and backbone.identifier == "embedded"

    def test_hub(self) -> None:
        config = {"backbone": {"name": "meta-llama/Llama-2-7b-hf", "precision": "bfloat16"}}
        assert load_study(config).backbone.identifier == "meta-llama--Llama-2-7b-hf"
        config["backbone"]["revision"] = "01c7f73d"
        assert load_study(config).backbone.identifier == "meta-llama--Llama-2-7b-hf@01c7f73d"
        config["backbone"] |= {"precision": "float32", "quantization": "nf4"}
        backbone = load_study(config).backbone
        assert backbone.identifier == "meta-llama--Llama-2-7b-hf+nf4+float32@01c7f73d"
        assert backbone.model_id == "meta-llama--Llama-2-7b-hf@01c7f73d"

    def test_no_two_models_and_ways_to_load_them_have_the_same_path(self, tmp_path: Path) -> None:
        hub = ["o/m", "o/m-nf4", "o/m-int8", "o/m-nf4-float32", "o-m/x", "o/m-x"]
        (tmp_path / "m-nf4").mkdir()
        names = [(name, revision) for name in hub for revision in (None, "main", "nf4", "float32")]
        names += [("embedded", None), (str(tmp_path / "m-nf4"), None)]
        identifiers = [
            BackboneSection(name=name, revision=revision, precision=precision, quantization=quantization).identifier
            for name, revision in names
            for precision in get_args(Precision)
            for quantization in (None, *get_args(Quantization))
        ]
        assert len(set(identifiers)) == len(identifiers)
        assert all(re.fullmatch(Study(load_study({}), False, "").wildcards["backbone"], name) for name in identifiers)

    @pytest.mark.parametrize("name", ["o/m--x", "o--m/x", "o/m..x", "o/m-", "o/m."])
    def test_a_name_that_the_hub_does_not_take_is_refused(self, name: str) -> None:
        (line,) = lines_of({"backbone": {"name": name}})
        assert line.startswith(f"backbone.name: found {name}, expected ")

    def test_a_gguf_file(self, tmp_path: Path) -> None:
        identifiers = set()
        for parent in ("a", "b"):
            path = tmp_path / parent / "my llama.gguf"
            path.parent.mkdir()
            path.touch()
            backbone = load_study({"backbone": {"name": str(path), "precision": "bfloat16"}}).backbone
            assert backbone.is_gguf and backbone.is_brought and not backbone.is_on_hub and not backbone.is_directory
            assert backbone.identifier.startswith("my_llama.gguf-")
            identifiers.add(backbone.identifier)
        assert len(identifiers) == 2

    @pytest.mark.parametrize("name", ["models/llama.gguf", "/models/llama.gguf"])
    def test_a_gguf_file_that_is_not_there_is_no_model_of_the_hub(self, name: str) -> None:
        assert lines_of({"backbone": {"name": name}}) == [
            f"backbone.name: found {name}, expected a GGUF file that exists"
        ]

    def test_a_model_in_a_package(self) -> None:
        backbone = load_study({"backbone": {"name": "smollm2", "precision": "bfloat16"}}).backbone
        assert backbone.identifier == "smollm2" and backbone.is_gguf and not backbone.is_on_hub
        encoder = load_study({"recommenders": {"morec": {"encoder": "all-minilm-l6-v2"}}}).recommenders.morec.model
        assert encoder.model_id == "all-minilm-l6-v2" and encoder.is_brought and not encoder.is_gguf
        (line,) = lines_of({"backbone": {"name": "smollm2", "revision": "main"}})
        assert line == "backbone.revision: found main, expected null: smollm2 has no revisions"

    def test_native_is_a_precision_by_its_name(self) -> None:
        native = load_study({"backbone": {"name": "smollm2", "precision": "native"}}).backbone
        named = load_study({"backbone": {"name": "smollm2", "precision": native_precision()}}).backbone
        assert native.identifier == named.identifier
        assert native.source("folder", "") == named.source("folder", "")

    def test_directories_of_the_same_name_differ(self, tmp_path: Path) -> None:
        identifiers = set()
        for parent in ("a", "b"):
            folder = tmp_path / parent / "my llama"
            folder.mkdir(parents=True)
            backbone = load_study({"backbone": {"name": str(folder)}}).backbone
            assert backbone.is_directory and backbone.identifier.startswith("my_llama-")
            identifiers.add(backbone.identifier)
        assert len(identifiers) == 2


class TestFinetuningValues:
    def test_open_learning_rates_are_the_adapters(self) -> None:
        section = load_study({"finetuning": {"learning_rate": 0.01, "gate_learning_rate": None}}).finetuning
        values = finetuning_values(section, "movielens")
        assert (values.projector_learning_rate, values.gate_learning_rate) == (0.01, 0.01)

    def test_without_a_preset_the_section_counts(self) -> None:
        values = finetuning_values(load_study({"finetuning": {"r": 4}}).finetuning, "movielens")
        assert values.r == 4

    def test_a_preset_wins_over_the_section_and_a_data_set_over_both(self) -> None:
        section = load_study(
            {"finetuning": {"preset": "paper", "r": 4, "per_dataset": {"steam": {"r": 16}}}}
        ).finetuning
        assert finetuning_values(section, "movielens").r == 8
        assert finetuning_values(section, "steam").r == 16


SECRET = "sk-proj-NeverToBeSeen"


@pytest.mark.parametrize(
    ("chat", "line"),
    [
        (
            {"key_variable": SECRET},
            "chat.key_variable: found a text that is not a variable's name, expected the name of an "
            "environment variable, such as CHAT_API_KEY, not the key itself",
        ),
        (
            {"base_url": f"https://me:{SECRET}@example.org/v1"},
            "chat.base_url: found a text that is not an address, expected an address such as "
            "http://localhost:8000/v1, without user, password or key",
        ),
        (
            {"base_url": f"https://example.org/v1?key={SECRET}"},
            "chat.base_url: found a text that is not an address, expected an address such as "
            "http://localhost:8000/v1, without user, password or key",
        ),
        ({"draws": 11}, "chat.draws: found 11, expected at most data.draws (10)"),
        ({"max_cost_usd": -1.0}, "chat.max_cost_usd: found -1.0, expected a value of at least 0.0"),
    ],
)
def test_the_chat_section(chat: dict[str, Any], line: str) -> None:
    assert lines_of({"chat": chat}) == [line]


def test_a_key_in_the_configuration_is_refused_and_not_shown() -> None:
    (line,) = lines_of({"chat": {"api_key": SECRET}})
    assert line.startswith("chat.api_key: found an unknown key, expected one of base_url, model, key_variable")
    assert SECRET not in line


def test_the_address_of_the_chat_model() -> None:
    chat, own = ChatSection(), ChatSection(base_url="http://localhost:8000/v1")
    environment = {"CHAT_BASE_URL": "https://example.org/v1"}
    assert endpoint_address(chat, {}) == "https://api.openai.com/v1"
    assert endpoint_address(chat, environment) == "https://example.org/v1"
    assert endpoint_address(own, environment) == "http://localhost:8000/v1"
    with pytest.raises(
        ConfigurationError, match="environment variable CHAT_BASE_URL: found a text that is not an address"
    ) as caught:
        endpoint_address(chat, {"CHAT_BASE_URL": f"https://{SECRET}@example.org"})
    assert SECRET not in str(caught.value)


def test_the_chat_models_name_in_paths() -> None:
    assert ChatSection().identifier == "gpt-4o-2024-08-06"
    assert ChatSection(model="Qwen/Qwen2.5-7B-Instruct").identifier == "Qwen--Qwen2.5-7B-Instruct"
    assert ChatSection(model="qwen2.5:7b").identifier == "qwen2.5_7b"


def test_no_two_chat_models_have_the_same_path_and_none_leaves_its_folder() -> None:
    models = [
        "a/b",
        "a--b",
        "a:b",
        "a_b",
        "a b",
        "a-/b",
        "a/-b",
        "a---b",
        "a//b",
        ".",
        "..",
        "../b",
        "...",
        "/a",
        "a/",
        "a",
    ]
    models += ["ä", "ö", "@cf/a/b", "@cf--a/b", "x" * 300, "x" * 301]
    names = [ChatSection(model=model).identifier for model in models]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9._@~-]{1,200}", name) and not name.startswith(".") for name in names)


def test_the_protocol_released_takes_data_sets_with_named_users_alone() -> None:
    own = {"interactions": "ratings.csv", "items": "books.csv"}
    named = {**own, "splits": "users.csv"}
    load_study({"protocol": "released", "datasets": ["movielens", "books"], "data": {"own": {"books": named}}})
    (line,) = lines_of({"protocol": "released", "datasets": ["movielens", "books"], "data": {"own": {"books": own}}})
    assert line.startswith("protocol: found released, expected random_users or chronological")
    assert "data.own.books.splits would" in line


def test_an_encoder_is_trained_by_cross_entropy_alone() -> None:
    changes = {"loss": "binary_cross_entropy", "morec": {"training": "end_to_end"}}
    (line,) = lines_of({"methods": ["morec"], "recommenders": changes})
    assert line.startswith("recommenders.loss: found binary_cross_entropy, expected cross_entropy, because")


def test_a_seed_that_splits_nobody_is_refused() -> None:
    (line,) = lines_of({"protocol": "released", "datasets": ["lastfm", "movielens"], "data": {"split_seed": 3}})
    assert line.startswith(
        "data.split_seed: found 3, expected 0, the default: only random_users splits these data sets"
    )
    load_study({"protocol": "released", "datasets": ["movielens", "steam"], "data": {"split_seed": 3}})


def test_without_candidates_in_the_prompt_answers_are_held_to_them() -> None:
    (line,) = lines_of({"prompt": {"candidates": "none"}})
    assert line.startswith("decoding.constrained: found false, expected true: prompt.candidates is none")
    load_study({"prompt": {"candidates": "none"}, "methods": ["popularity", "gpt4"]})


def test_a_language_model_ranks_by_an_attention_that_takes_a_mask() -> None:
    open_prompts = {"prompt": {"candidates": "none"}, "decoding": {"constrained": True}}
    study = {**open_prompts, "backbone": {"name": "a/b", "attention": "flash_attention_2"}}
    load_study(study)
    (line,) = lines_of({**study, "full_ranking": {"enabled": True}})
    assert line.startswith("backbone.attention: found flash_attention_2, expected sdpa or eager: full_ranking")


def test_a_language_model_is_the_reference_of_a_full_ranking_only_where_it_ranks() -> None:
    ranking = {"full_ranking": {"enabled": True, "reference": "llara"}}
    (line,) = lines_of(ranking)
    assert line.startswith("full_ranking.reference: found llara, expected a method that can rank all items")
    load_study({**ranking, "prompt": {"candidates": "none"}, "decoding": {"constrained": True}})


def test_random_splits_need_a_protocol_that_splits_users() -> None:
    (line,) = lines_of({"protocol": "chronological", "random_splits": {"number": 20}})
    assert line == "random_splits.number: found 20, expected 0: the protocol chronological tests every user"
    (line,) = lines_of({"random_splits": {"number": 1}})
    assert line.startswith("random_splits.number: found 1, expected 0 or at least 2")
    (line,) = lines_of({"random_splits": {"methods": ["morec"]}})
    assert line.startswith('random_splits.methods[0]: found "morec", expected popularity, markov')


def test_drift_needs_something_to_compare_and_methods_of_the_study() -> None:
    (line,) = lines_of({"drift": {"gaps": [5, 10], "methods": ["sasrec"]}})
    assert line.startswith("drift.gaps: found [5, 10], expected 0, the reference of all comparisons")
    (line,) = lines_of({"drift": {"periods": 1}})
    assert line.startswith("drift.periods: found 1, expected 0 or at least 2")
    (line,) = lines_of({"methods": ["sasrec"], "drift": {"gaps": [0, 5], "methods": ["popularity", "sasrec"]}})
    assert line.startswith("drift.methods: found popularity, expected some of the study's methods")
    (line,) = lines_of({"drift": {"methods": ["gpt4"]}})
    assert line.startswith('drift.methods[0]: found "gpt4", expected popularity')


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"shares": [1, 10]}, "shares: found [1, 10], expected 100 (all users), which all others are compared with"),
        (
            {"shares": [100]},
            "shares: found [100], expected 100 (all users), which all others are compared with, and at",
        ),
        (
            {"lengths": [1, 5]},
            "lengths: found [1, 5], expected 10 (data.maximum_history), which all others are compared",
        ),
        ({"lengths": [1, 10, 20]}, "lengths: found [1, 10, 20], expected 10 (data.maximum_history)"),
        ({"frequency_floors": [1, 5]}, "frequency_floors: found [1, 5], expected numbers in ascending order from 0"),
        ({"lengths": [1, 10], "methods": ["sasrec"]}, "methods: found sasrec, expected some of the study's methods"),
        ({"lengths": [1, 10], "seeds": [1, 7]}, "seeds: found 7, expected some of the study's seeds; add others there"),
        ({"draws": [1, 1]}, "draws: found 1 2 times, expected each"),
        ({"methods": ["tiger"]}, 'methods[0]: found "tiger", expected popularity'),
    ],
)
def test_scarcity_needs_something_to_compare_and_methods_of_the_study(values: dict[str, Any], line: str) -> None:
    (found,) = lines_of({"methods": ["popularity", "markov"], "scarcity": values})
    assert found.startswith(f"scarcity.{line}")


def test_users_who_are_tested_cannot_be_a_share_of_those_who_are_trained_on() -> None:
    (line,) = lines_of({"protocol": "chronological", "scarcity": {"shares": [10, 100], "lengths": [1, 10]}})
    assert line.startswith("scarcity.shares: found [10, 100], expected none: protocol chronological tests the users")


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"group_shares": [0.5, 0.5]}, "group_shares: found [0.5, 0.5], expected 4 shares (negative_transfer.groups)"),
        ({"group_shares": [0.4, 0.3, 0.2, 0.2]}, "that add up to 1"),
        (
            {"users": 9},
            "users: found 9, expected at least 10, so that the smallest of feedback.group_shares is at least one user",
        ),
        ({"examination": [0.5, 0.9]}, "examination: found [0.5, 0.9], expected probabilities in descending order"),
        ({"relevance_of_others": 0.8}, "relevance_of_others: found 0.8, expected less than feedback.relevance_of_next"),
    ],
)
def test_a_simulation_that_cannot_be_is_refused(values: dict[str, Any], line: str) -> None:
    (found,) = lines_of({"feedback": {"rounds": 2, **values}})
    assert line in found
    assert load_study({"feedback": {"group_shares": [0.5, 0.5]}}).feedback.rounds == 0
