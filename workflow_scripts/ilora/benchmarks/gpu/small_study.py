"""A study of invented films with all inputs of a fine-tuning, for use without a prepared study."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from ilora.artifacts.parquet import write_table
from ilora.artifacts.schemas import CANDIDATES, ITEMS, SEQUENCES
from ilora.artifacts.tensors import write_tensors
from ilora.backbone.architecture import build_backbone
from ilora.backbone.tokenizer import train_tokenizer
from ilora.benchmarks.gpu.sizes import Sizes
from ilora.configuration.sections.backbone import BackboneSource
from ilora.configuration.sections.finetuning_values import FinetuningValues
from ilora.configuration.sections.prompt import PromptSection
from ilora.configuration.tuning import MethodKind, TuningSettings
from ilora.data.candidates import draw_candidates, hash_candidates
from ilora.data.sequences import read_sequences
from ilora.datasets.register import DATASETS
from ilora.llm.training.tuning_job import TuningJob

#: Numbers of sequences in the training split, and in each other split.
_TRAINED, _EVALUATED = 32, 4
_EMBEDDING_SIZE = 64
_SYLLABLES = ("ka", "ro", "mi", "sten", "lu", "bar", "do", "vel", "an", "thi", "gor", "pe", "sal", "ne", "qui", "zen")


def make_small_study(folder: Path, sizes: Sizes) -> TuningJob:
    """Write an invented data set, its vectors and a random backbone, and return the fine-tuning of iLoRA on it.

    Args:
        folder: folder to write to; the job's own folder is inside it.
        sizes: sizes of the study.
    """
    drawn = np.random.default_rng(0)
    titles = [_title(drawn, number) for number in range(sizes.titles)]
    items = [
        {"item_id": item, "title": title, "raw_id": str(item), "metadata": "{}"} for item, title in enumerate(titles)
    ]
    inputs = {name: str(folder / file) for name, file in _FILES.items()}
    write_table(pa.Table.from_pylist(items, schema=ITEMS), inputs["catalogue"])
    write_table(_sequences(drawn, sizes), inputs["sequences"])
    generator = torch.Generator().manual_seed(0)
    vectors = torch.randn(sizes.titles, _EMBEDDING_SIZE, generator=generator)
    representations = torch.randn(_TRAINED + 2 * _EVALUATED, _EMBEDDING_SIZE, generator=generator)
    write_tensors({"item_embeddings": vectors}, inputs["item_embeddings"])
    write_tensors({"sequence_representations": representations}, inputs["representations"])
    wording = DATASETS["movielens"].wording
    tokenizer = train_tokenizer(titles, wording, sizes.vocabulary)
    torch.manual_seed(0)
    build_backbone(sizes.backbone, tokenizer).save_pretrained(folder / "backbone")
    tokenizer.save_pretrained(folder / "backbone")
    settings = TuningSettings(
        dataset="movielens",
        method="ilora",
        kind=MethodKind(prompt="hybrid", adapter="instance_wise"),
        seed=1,
        backbone=BackboneSource(name=str(folder / "backbone")),
        finetuning=FinetuningValues(
            batch_size=sizes.rows, steps=6, log_every=1, checkpoint_every=2, snapshots=(4,), item_vectors="raw"
        ),
        prompt=PromptSection(order="history_first", behaviour_token="after_title"),
        wording=wording,
        candidates=sizes.candidates,
        candidate_seed=0,
    )
    return TuningJob(settings, inputs, 1, False, str(folder / "tuning"), str(folder / "tuning.log"))


def in_folder(job: TuningJob, name: str) -> TuningJob:
    """Return the same job with a separate folder."""
    return replace(job, folder=f"{job.folder}-{name}")


def write_candidates(job: TuningJob, path: Path) -> None:
    """Write the first candidate set of every validation and test sequence."""
    sequences, settings = read_sequences(job.inputs["sequences"]), job.settings
    items = pa.parquet.read_metadata(job.inputs["catalogue"]).num_rows
    rows: list[dict[str, Any]] = []
    for row in (*sequences.rows("val"), *sequences.rows("test")):
        key, target = sequences.keys[row], int(sequences.targets[row])
        drawn = draw_candidates(
            key,
            0,
            sequences.histories[row],
            target,
            number_of_items=items,
            size=settings.candidates,
            seed=settings.candidate_seed,
        )
        rows.append({"sequence_id": int(row), "draw": 0, "candidates": drawn, "hash": hash_candidates(key, 0, drawn)})
    write_table(pa.Table.from_pylist(rows, schema=CANDIDATES), path)


_FILES = {
    "catalogue": "items.parquet",
    "sequences": "sequences.parquet",
    "item_embeddings": "item_embeddings.safetensors",
    "representations": "sequence_representations.safetensors",
}


def _title(drawn: np.random.Generator, number: int) -> str:
    """Return an invented title of one to four words with a year, as in MovieLens; the number makes it unique."""
    words = [
        "".join(drawn.choice(_SYLLABLES, int(drawn.integers(1, 4)))).capitalize()
        for _ in range(int(drawn.integers(1, 5)))
    ]
    return f"{' '.join(words)} {number} ({int(drawn.integers(1930, 1999))})"


def _sequences(drawn: np.random.Generator, sizes: Sizes) -> pa.Table:
    rows: list[tuple[Any, ...]] = []
    for split, count in (("train", _TRAINED), ("val", _EVALUATED), ("test", _EVALUATED)):
        for _ in range(count):
            *history, target = (int(item) for item in drawn.permutation(sizes.titles)[: sizes.history + 1])
            number = len(rows)
            rows.append((number, split, number, f"user{number}", sizes.history, history, target))
    return pa.Table.from_pylist([dict(zip(SEQUENCES.names, row, strict=True)) for row in rows], schema=SEQUENCES)
