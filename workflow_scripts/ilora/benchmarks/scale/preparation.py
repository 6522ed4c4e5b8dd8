"""Preparing a large log, training a recommender on it, and evaluating it: part ``preparation``.

Each stage runs in a process of its own, so that its peak of resident memory is its own.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import cycle, islice
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import torch

from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.schemas import CANDIDATES, INTERACTIONS, SEQUENCES
from ilora.benchmarks.scale.new_users import MAXIMUM_HISTORY, sasrec_shape
from ilora.benchmarks.scale.report import Part, Row
from ilora.benchmarks.scale.sizes import SIZES, Sizes
from ilora.benchmarks.sequences import BOUNDS, SEED, made_up_log, peak_gigabytes
from ilora.configuration.sections.recommender_values import RecommenderTraining
from ilora.data.protocols import draw_candidate_sets, make_sequences
from ilora.evaluation.intervals import IntervalSettings
from ilora.evaluation.metrics import measure_run
from ilora.layout import Run
from ilora.predictions.building import scored_predictions
from ilora.predictions.scores import candidate_matrix, score_candidates
from ilora.recommenders.models import item_embeddings, optimizer_for, sequence_representations, training_loss
from ilora.recommenders.padded_sequences import pad_sequences

_PROTOCOL, _METHOD = "chronological", "sasrec"
_SET_SIZE = 20


@dataclass(frozen=True)
class Usage:
    """Cost of a stage.

    Attributes:
        work: description of the work, with its size.
        seconds: time, including reading and writing files.
        gigabytes: peak resident memory of the process, 10^9 bytes.
        extrapolated: longer time that follows from a measured one, in words; "" for none.
    """

    work: str
    seconds: float
    gigabytes: float
    extrapolated: str = ""


def measure_preparation(sizes: Sizes, folder: Path) -> Part:
    """Make the log and run every stage on it."""
    log = sizes.log
    begun = time.perf_counter()
    interactions = made_up_log(log.users, log.items_per_user, log.items)
    write_table(interactions, folder / "interactions.parquet")
    made = time.perf_counter() - begun
    rows = [_row(stage, _run_apart(stage, folder, sizes)) for stage in STAGES]
    title = f"{interactions.num_rows:,} interactions of {log.users:,} users with {log.items:,} items (seed {SEED})"
    return Part({title: rows}, notes=[f"Making the log took {made:.1f} s, which no stage includes."])


def run_stage(stage: str, folder: Path, sizes: Sizes) -> Usage:
    """Run a stage in this process, which must do nothing else: its peak memory counts."""
    begun = time.perf_counter()
    work, extrapolated = STAGES[stage](folder, sizes)
    return Usage(work, time.perf_counter() - begun, peak_gigabytes(), extrapolated)


def _make_sequences(folder: Path, sizes: Sizes) -> tuple[str, str]:
    interactions = read_table(folder / "interactions.parquet", INTERACTIONS)
    sequences = make_sequences(interactions, _PROTOCOL, split_seed=SEED, **BOUNDS)
    write_table(sequences, folder / "sequences.parquet")
    return f"{sequences.num_rows:,} sequences", ""


def _draw_candidates(folder: Path, sizes: Sizes) -> tuple[str, str]:
    interactions = read_table(folder / "interactions.parquet", INTERACTIONS)
    sequences = read_table(folder / "sequences.parquet", SEQUENCES)
    table = draw_candidate_sets(
        sequences,
        interactions,
        _PROTOCOL,
        number_of_items=sizes.log.items,
        size=_SET_SIZE,
        draws=1,
        seed=SEED,
    )
    write_table(table, folder / "candidates.parquet")
    return f"{table.num_rows:,} candidate sets", ""


def _train(folder: Path, sizes: Sizes) -> tuple[str, str]:
    """Take some steps of SASRec in the default study's settings; the first is not counted."""
    sequences = read_table(folder / "sequences.parquet", SEQUENCES)
    of_training = sequences.filter(pc.equal(sequences["split"], "train"))
    training = pad_sequences(of_training, sizes.log.items, MAXIMUM_HISTORY)
    settings = RecommenderTraining()
    torch.manual_seed(SEED)
    model = sasrec_shape(sizes.log.items).build().train()
    optimizer = optimizer_for(model, settings.learning_rate, weight_decay=0.0)
    order = torch.randperm(len(training), generator=torch.Generator().manual_seed(SEED)).split(settings.batch_size)
    seconds = []
    for rows in islice(cycle(order), sizes.training_steps + 1):
        begun = time.perf_counter()
        optimizer.zero_grad()
        training_loss(model, training.rows(rows)).backward()
        optimizer.step()
        seconds.append(time.perf_counter() - begun)
    step = float(np.median(seconds[1:]))
    work = f"{len(training):,} sequences read; {len(seconds)} steps of {settings.batch_size}, {step:.3g} s each"
    return work, f"an epoch of {len(order):,} steps: {len(order) * step / 3600:.2g} h"


def _evaluate(folder: Path, sizes: Sizes) -> tuple[str, str]:
    """Score every candidate set by an untrained SASRec, and compute all metrics with intervals."""
    sequences = read_table(folder / "sequences.parquet", SEQUENCES)
    candidates = read_table(folder / "candidates.parquet", CANDIDATES)
    torch.manual_seed(SEED)
    model = sasrec_shape(sizes.log.items).build()
    evaluated = sequences.filter(pc.not_equal(sequences["split"], "train"))
    z = sequence_representations(model, pad_sequences(evaluated, sizes.log.items, MAXIMUM_HISTORY))
    rows = np.searchsorted(evaluated["sequence_id"].to_numpy(), candidates["sequence_id"].to_numpy())
    scores = score_candidates(z[rows], item_embeddings(model), candidate_matrix(candidates))
    predictions = scored_predictions(sequences, candidates, scores, _METHOD)
    path = folder / "predictions.parquet"
    write_table(predictions, path)
    titles = [f"item {item}" for item in range(sizes.log.items)]
    settings = IntervalSettings(samples=sizes.bootstrap_samples)
    metrics = measure_run(predictions, Run("synthetic", _PROTOCOL, _METHOD), titles, settings, str(path))
    write_table(metrics, folder / "metrics.parquet")
    work = f"{predictions.num_rows:,} sets scored; {metrics.num_rows} metrics, {settings.samples:,} bootstrap samples"
    return work, ""


STAGES: dict[str, Callable[[Path, Sizes], tuple[str, str]]] = {
    "make_sequences": _make_sequences,
    "draw_candidates": _draw_candidates,
    "train_recommender": _train,
    "evaluate": _evaluate,
}


def _run_apart(stage: str, folder: Path, sizes: Sizes) -> Usage:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-m", __name__, stage, str(folder), sizes.name]
    answer = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return Usage(**json.loads(answer.stdout.splitlines()[-1]))


def _row(stage: str, usage: Usage) -> Row:
    return {
        "stage": stage,
        "work": usage.work,
        "seconds": usage.seconds,
        "peak memory (GB)": usage.gigabytes,
        "extrapolated": usage.extrapolated or None,
    }


if __name__ == "__main__":
    print(json.dumps(asdict(run_stage(sys.argv[1], Path(sys.argv[2]), SIZES[sys.argv[3]]))))
