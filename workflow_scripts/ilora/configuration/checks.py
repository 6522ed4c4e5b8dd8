"""Checks of a study that involve several keys or the files of this machine."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ilora.configuration.packaged_models import PACKAGED_MODELS
from ilora.configuration.problems import Problem, repeated
from ilora.configuration.sections.backbone import HUB_NAME, BackboneSection
from ilora.configuration.sections.finetuning import finetuning_problems
from ilora.configuration.sections.finetuning_values import FinetuningValues
from ilora.configuration.sections.own_data import OwnDataset
from ilora.configuration.study import StudyConfig
from ilora.configuration.types import ends_in_repetition
from ilora.configuration.validation import show
from ilora.data.protocol_names import CHRONOLOGICAL, RELEASED
from ilora.data.table_files import SEPARATORS, WITHOUT_SEPARATOR
from ilora.datasets.declaration import DOWNLOAD
from ilora.datasets.register import DATASETS
from ilora.methods.register import LANGUAGE_MODEL_METHODS

#: Longest name of a model in paths, which add suffixes to it; file systems allow 255 bytes.
_LONGEST_IDENTIFIER = 200
_EXPECTED_IDENTIFIER = (
    f"a model whose name in paths (with revision and quantization) has at most {_LONGEST_IDENTIFIER} characters and "
    "does not end in the same characters repeated twenty times"
)

#: Upper bound on the contexts: the probability of each is stored for every history of a batch.
_MOST_CONTEXTS = 4096


def find_problems(study: StudyConfig, finetuning: Mapping[tuple[str, str | None], FinetuningValues]) -> list[Problem]:
    """Return the problems of a study whose individual keys, types and values are valid.

    Args:
        study: the study.
        finetuning: resolved fine-tuning settings, by data set and by method with its own values, or None for all other
            methods.
    """
    problems = [
        *_top_level(study),
        *_dataset_names(study),
        *_data(study),
        *_released_data(study),
        *_recommenders(study),
        *_backbone(study),
        *_embedded_backbone(study),
        *_negative_transfer(study),
        *_feedback(study),
        *_random_splits(study),
        *_drift(study),
        *_scarcity(study),
        *_chat(study),
        *_prompt_without_candidates(study),
    ]
    for (dataset, method), values in finetuning.items():
        problems += _finetuning(study, dataset, method, values)
    return list(dict.fromkeys(problems))


def _top_level(study: StudyConfig) -> Iterator[Problem]:
    values: dict[str, Sequence[object]] = {
        "datasets": study.datasets,
        "seeds": study.seeds,
        "methods": study.methods,
    }
    for key, entries in values.items():
        yield from repeated(key, entries)


def _dataset_names(study: StudyConfig) -> Iterator[Problem]:
    known = f"one of {', '.join(study.known_datasets)} (your own data sets are defined in data.own)"
    for dataset in study.datasets:
        if dataset not in study.known_datasets:
            yield Problem("datasets", dataset, known)
    for dataset in study.finetuning.per_dataset:
        if dataset not in study.known_datasets:
            yield Problem(f"finetuning.per_dataset.{dataset}", "an unknown data set", known)


def _negative_transfer(study: StudyConfig) -> Iterator[Problem]:
    section, path = study.negative_transfer, "negative_transfer"
    for key, entries in (("degrees", section.degrees), ("seeds", section.seeds)):
        yield from repeated(f"{path}.{key}", entries)
    if section.r % section.groups:
        expected = f"a multiple of {path}.groups ({section.groups}): each group's expert has the same rank"
        yield Problem(f"{path}.r", str(section.r), expected)
    if section.items < 2 * section.groups:
        expected = f"at least {2 * section.groups}, so that the rules of {section.groups} groups differ"
        yield Problem(f"{path}.items", str(section.items), expected)
    if list(section.steps) != sorted(set(section.steps)):
        yield Problem(f"{path}.steps", str(list(section.steps)), "steps in ascending order")
    if section.batch_size < section.groups:
        expected = f"at least {path}.groups ({section.groups})"
        yield Problem(f"{path}.batch_size", str(section.batch_size), expected)


def _feedback(study: StudyConfig) -> Iterator[Problem]:
    section, groups, path = study.feedback, study.negative_transfer.groups, "feedback"
    if not section.rounds:
        return
    yield from repeated(f"{path}.seeds", section.seeds)
    shares = section.group_shares
    if len(shares) != groups or not math.isclose(sum(shares), 1.0, abs_tol=1e-9):
        expected = f"{groups} shares (negative_transfer.groups) that add up to 1"
        yield Problem(f"{path}.group_shares", str(list(shares)), expected)
    if min(shares) * section.users < 1:
        expected = (
            f"at least {math.ceil(1 / min(shares))}, so that the smallest of {path}.group_shares is at least one user"
        )
        yield Problem(f"{path}.users", str(section.users), expected)
    if list(section.examination) != sorted(section.examination, reverse=True):
        expected = "probabilities in descending order: the first position is examined most often"
        yield Problem(f"{path}.examination", str(list(section.examination)), expected)
    if len(section.examination) > study.negative_transfer.items:
        expected = f"at most {study.negative_transfer.items} positions (negative_transfer.items)"
        yield Problem(f"{path}.examination", str(len(section.examination)), expected)
    if section.relevance_of_others >= section.relevance_of_next:
        expected = f"less than {path}.relevance_of_next ({section.relevance_of_next})"
        yield Problem(f"{path}.relevance_of_others", str(section.relevance_of_others), expected)


def _random_splits(study: StudyConfig) -> Iterator[Problem]:
    section, path = study.random_splits, "random_splits"
    yield from repeated(f"{path}.methods", section.methods)
    if section.number == 1:
        yield Problem(f"{path}.number", "1", "0 or at least 2: one split has no variation")
    if section.number and study.protocol == CHRONOLOGICAL:
        yield Problem(f"{path}.number", str(section.number), "0: the protocol chronological tests every user")


def _drift(study: StudyConfig) -> Iterator[Problem]:
    section, path = study.drift, "drift"
    yield from repeated(f"{path}.gaps", section.gaps)
    yield from repeated(f"{path}.methods", section.methods)
    if section.gaps and (0 not in section.gaps or len(section.gaps) == 1):
        expected = "0, the reference of all comparisons, and at least one other gap; or an empty list"
        yield Problem(f"{path}.gaps", str(list(section.gaps)), expected)
    if section.periods == 1:
        yield Problem(f"{path}.periods", "1", "0 or at least 2: a single period shows no change over time")
    if section.gaps or section.periods:
        missing = [method for method in section.methods if method not in study.methods]
        if missing or not section.methods:
            expected = "some of the study's methods; add any others to methods"
            yield Problem(f"{path}.methods", ", ".join(missing) or "none", expected)


def _scarcity(study: StudyConfig) -> Iterator[Problem]:
    section, path = study.scarcity, "scarcity"
    for key in ("shares", "draws", "lengths", "frequency_floors", "methods", "seeds"):
        yield from repeated(f"{path}.{key}", getattr(section, key) or ())
    longest = study.data.maximum_history
    for key, whole, name in (("shares", 100, "all users"), ("lengths", longest, "data.maximum_history")):
        values = getattr(section, key)
        if values and (max(values) != whole or len(values) == 1):
            expected = (
                f"{whole} ({name}), which all others are compared with, and at least one below it, or none at all"
            )
            yield Problem(f"{path}.{key}", str(list(values)), expected)
    if section.shares and study.protocol == CHRONOLOGICAL:
        expected = "none: protocol chronological tests the users that it trains on"
        yield Problem(f"{path}.shares", str(list(section.shares)), expected)
    floors = section.frequency_floors
    if floors and (list(floors) != sorted(floors) or floors[0] != 0):
        expected = "numbers in ascending order from 0, so that every target is in a group"
        yield Problem(f"{path}.frequency_floors", str(list(floors)), expected)
    if section.shares or section.lengths or floors:
        for key, known in (("methods", study.methods), ("seeds", study.seeds)):
            chosen = getattr(section, key)
            missing = [str(entry) for entry in chosen or () if entry not in known]
            if missing or chosen == ():
                yield Problem(
                    f"{path}.{key}", ", ".join(missing) or "none", f"some of the study's {key}; add others there"
                )


def _data(study: StudyConfig) -> Iterator[Problem]:
    data = study.data
    if data.minimum_history > data.maximum_history:
        yield Problem(
            "data.minimum_history",
            str(data.minimum_history),
            f"at most data.maximum_history ({data.maximum_history})",
        )
    for dataset in study.datasets:
        if dataset in DATASETS and dataset not in data.sources:
            yield Problem(
                f"data.sources.{dataset}", "nothing", "download or the folder of its raw files (datasets lists it)"
            )
    for dataset, source in data.sources.items():
        bundled_with = [name for name, declared in DATASETS.items() if source in declared.bundled]
        if bundled_with and dataset not in bundled_with:
            expected = f"download or a folder: {source} is a source only of {', '.join(bundled_with)}"
            yield Problem(f"data.sources.{dataset}", source, expected)
        if source == DOWNLOAD and DATASETS[dataset].source is None:
            yield Problem(f"data.sources.{dataset}", source, "a folder: no address to download it from is known")
    for dataset, own in data.own.items():
        yield from _own_dataset(dataset, own)


def _released_data(study: StudyConfig) -> Iterator[Problem]:
    """Yield the data sets that the protocol `released` does not support, and settings that it does not use."""
    if study.protocol != RELEASED:
        return
    releases = {name: study.data.dataset(name).release for name in study.datasets if name in study.known_datasets}
    for name, release in releases.items():
        if release is None:
            where = f"data.own.{name}.splits" if name in study.data.own else f"a release of {name}"
            expected = f"random_users or chronological: the users of each split are unknown ({where} would define them)"
            yield Problem("protocol", study.protocol, expected)
    if study.data.split_seed and all(release and release.split_users for release in releases.values()):
        expected = "0, the default: only random_users splits these data sets at random, and the protocol is released"
        yield Problem("data.split_seed", str(study.data.split_seed), expected)


def _own_dataset(dataset: str, own: OwnDataset) -> Iterator[Problem]:
    path = f"data.own.{dataset}"
    if dataset in DATASETS:
        yield Problem(path, "the name of a built-in data set", "another name")
    if not _is_text_encoding(own.encoding):
        yield Problem(f"{path}.encoding", own.encoding, "a text encoding that Python knows, such as utf-8 or latin-1")
    files = {"interactions": own.interactions, "items": own.items}
    if own.splits is not None:
        files["splits"] = own.splits
    text_files = {key: file for key, file in files.items() if not file.endswith(WITHOUT_SEPARATOR)}
    for file in text_files.values():
        if own.separator is None and SEPARATORS.get(Path(file).suffix) is None:
            yield Problem(f"{path}.separator", "nothing", f"the field separator of {file}, such as '::'")
    if own.header:
        return
    # The column of ratings is read only if there is a minimum.
    of_file: dict[str, tuple[str, ...]] = {
        "interactions": ("user", "item", "timestamp"),
        "items": ("item_id", "title"),
        "splits": ("split_user", "split"),
    }
    if own.minimum_rating is not None:
        of_file["interactions"] += ("rating",)
    for key in (key for file in text_files for key in of_file[file]):
        column = str(getattr(own.columns, key))
        if not re.fullmatch("[1-9][0-9]*", column):
            yield Problem(f"{path}.columns.{key}", column, "the number of a column, from 1, because header is false")


def _is_text_encoding(name: str) -> bool:
    """Return whether a name is that of a text encoding in Python, which rot13 and base64 are not."""
    try:
        return "a".encode(name).decode(name) == "a"
    except (LookupError, ValueError):
        return False


def _recommenders(study: StudyConfig) -> Iterator[Problem]:
    recommenders = study.recommenders
    if recommenders.embedding_size % recommenders.sasrec.heads:
        yield Problem(
            "recommenders.embedding_size",
            str(recommenders.embedding_size),
            f"a multiple of recommenders.sasrec.heads ({recommenders.sasrec.heads})",
        )
    caseq = recommenders.caseq
    if caseq.unit == "sasrec" and recommenders.embedding_size % caseq.heads:
        yield Problem(
            "recommenders.embedding_size",
            str(recommenders.embedding_size),
            f"a multiple of recommenders.caseq.heads ({caseq.heads})",
        )
    if caseq.units**caseq.layers > _MOST_CONTEXTS:
        yield Problem(
            "recommenders.caseq.units",
            str(caseq.units),
            f"at most {_MOST_CONTEXTS} contexts: {caseq.layers} layers of {caseq.units} units have "
            f"{caseq.units**caseq.layers}",
        )
    if recommenders.loss != "cross_entropy" and recommenders.morec.is_end_to_end:
        yield Problem(
            "recommenders.loss", recommenders.loss, "cross_entropy, because recommenders.morec trains its encoder"
        )
    search = recommenders.weight_decay_search
    for key, entries in (("values", search.values), ("seeds", search.seeds)):
        yield from repeated(f"recommenders.weight_decay_search.{key}", entries)


def _backbone(study: StudyConfig) -> Iterator[Problem]:
    yield from _model(study.backbone, "backbone.name", "backbone.revision")
    if study.backbone.is_embedded and study.backbone.quantization is not None:
        yield Problem("backbone.quantization", study.backbone.quantization, "null: the embedded backbone is small")
    if study.backbone.sharded and study.backbone.processes * study.backbone.nodes == 1:
        yield Problem("backbone.sharded", "true", "false: there is only one process, which holds all weights")
    if study.backbone.sharded and study.backbone.quantization is not None:
        yield Problem("backbone.sharded", "true", f"false: weights in {study.backbone.quantization} cannot be sharded")
    if study.backbone.nodes > 1 and (study.backbone.is_embedded or not study.backbone.gpus):
        yield Problem(
            "backbone.nodes",
            str(study.backbone.nodes),
            "1: several nodes need backbone.gpus and another backbone than the embedded one",
        )
    yield from _model(study.recommenders.morec.model, "recommenders.morec.encoder", "recommenders.morec.revision")


def _model(backbone: BackboneSection, name: str, revision: str) -> Iterator[Problem]:
    is_here = backbone.is_embedded or backbone.is_directory or backbone.package is not None
    if backbone.is_gguf and backbone.package is None:
        if not Path(backbone.name).is_file():
            yield Problem(name, backbone.name, "a GGUF file that exists")
            return
    elif not is_here and (backbone.name.startswith((".", "/", "~")) or not HUB_NAME.fullmatch(backbone.name)):
        packaged = ", ".join(PACKAGED_MODELS)
        yield Problem(
            name,
            backbone.name,
            f"embedded, {packaged}, a directory or GGUF file that exists, or organisation/model on the Hugging Face "
            "hub",
        )
        return
    if _is_no_name(backbone.identifier):
        yield Problem(name, show(backbone.identifier), _EXPECTED_IDENTIFIER)
    elif backbone.revision is not None and not backbone.is_on_hub:
        yield Problem(revision, backbone.revision, f"null: {backbone.name} has no revisions")


def _is_no_name(identifier: str) -> bool:
    """Return whether a model's name cannot be used in paths by file systems or Snakemake."""
    return len(identifier) > _LONGEST_IDENTIFIER or ends_in_repetition(identifier)


def _embedded_backbone(study: StudyConfig) -> Iterator[Problem]:
    shape, prompt = study.embedded_backbone, study.prompt
    if study.backbone.is_embedded and prompt.order != "candidates_first":
        yield Problem("prompt.order", prompt.order, "candidates_first: the embedded backbone supports no other")
    if study.backbone.is_embedded and prompt.behaviour_token != "before_title":
        yield Problem(
            "prompt.behaviour_token", prompt.behaviour_token, "before_title: the embedded backbone supports no other"
        )
    if study.backbone.is_embedded and prompt.template != "plain":
        yield Problem("prompt.template", prompt.template, "plain: the embedded backbone has no chat template")
    if shape.hidden_size % (2 * shape.heads):
        yield Problem(
            "embedded_backbone.hidden_size",
            str(shape.hidden_size),
            f"a multiple of 2 x embedded_backbone.heads ({2 * shape.heads}): rotary embeddings need an even head size",
        )
    if shape.warmup_steps >= shape.steps:
        yield Problem(
            "embedded_backbone.warmup_steps",
            str(shape.warmup_steps),
            f"less than embedded_backbone.steps ({shape.steps})",
        )


def _prompt_without_candidates(study: StudyConfig) -> Iterator[Problem]:
    asks = any(method in LANGUAGE_MODEL_METHODS for method in study.methods)
    if study.prompt.candidates == "none" and asks and not study.decoding.constrained:
        expected = "true: prompt.candidates is none, and without constraint answers would rarely be candidates"
        yield Problem("decoding.constrained", "false", expected)
    ranks = study.full_ranking.enabled and study.prompt.candidates == "none" and asks
    if ranks and study.backbone.attention == "flash_attention_2":
        expected = (
            "sdpa or eager: full_ranking scores the titles of all items after a prompt as a trie, with its own mask"
        )
        yield Problem("backbone.attention", study.backbone.attention, expected)
    reference = study.full_ranking.reference
    if study.full_ranking.enabled and study.prompt.candidates == "listed" and reference in LANGUAGE_MODEL_METHODS:
        expected = "a method that can rank all items: a language model can only with prompt.candidates none"
        yield Problem("full_ranking.reference", reference, expected)


def _chat(study: StudyConfig) -> Iterator[Problem]:
    chat = study.chat
    # The value may be a secret, so it is not shown.
    if chat.key_variable is not None and not re.fullmatch(r"[A-Z][A-Z0-9_]*", chat.key_variable):
        yield Problem(
            "chat.key_variable",
            "a text that is not a variable's name",
            "the name of an environment variable, such as CHAT_API_KEY, not the key itself",
        )
    if chat.base_url is not None:
        yield from address_problem("chat.base_url", chat.base_url)
    if _is_no_name(chat.identifier):
        yield Problem("chat.model", show(chat.identifier), _EXPECTED_IDENTIFIER)
    if chat.draws > study.data.draws:
        yield Problem("chat.draws", str(chat.draws), f"at most data.draws ({study.data.draws})")


def address_problem(path: str, address: str) -> Iterator[Problem]:
    """Yield the problem of an endpoint's address, without showing it, because it may contain a secret.

    Args:
        path: where the address was found, for messages.
        address: the address.
    """
    if not re.fullmatch(r"https?://[^\s@?#]+", address):
        yield Problem(
            path,
            "a text that is not an address",
            "an address such as http://localhost:8000/v1, without user, password or key",
        )


def _finetuning(study: StudyConfig, dataset: str, method: str | None, values: FinetuningValues) -> Iterator[Problem]:
    of_dataset = study.finetuning.per_dataset.get(dataset, {})
    of_method = {} if method is None else study.finetuning.per_method[method]

    def path(key: str) -> str:
        if key in of_method:
            return f"finetuning.per_method.{method}.{key}"
        return f"finetuning.per_dataset.{dataset}.{key}" if key in of_dataset else f"finetuning.{key}"

    yield from finetuning_problems(values, method, path)
    if values.prompt_texts == "sentences" and study.prompt.template == "chat":
        yield Problem(path("prompt_texts"), "sentences", "lists: prompt.template is chat, which has its own sentences")
    processes = study.backbone.processes * study.backbone.nodes
    if values.batch_size % (values.gradient_accumulation * processes) and processes > 1:
        expected = (
            f"a multiple of {path('gradient_accumulation')} ({values.gradient_accumulation}) times the {processes} "
            "processes (backbone.gpus on each of backbone.nodes) that share a batch"
        )
        yield Problem(path("batch_size"), str(values.batch_size), expected)
