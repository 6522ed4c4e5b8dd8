"""Metrics of one run, from its table of predictions.

A hit is a choice whose item is the target's item: another item of the same title is a miss. Each metric is named
for what it divides by:

- `hit_ratio@1`: hits among all answers, the default. `valid_ratio`: answers that name a candidate, among all.
- `hit_ratio@1_over_valid`: hits among the valid answers only. The paper's released code counts so (arXiv
  2408.10159), which flatters a method that often answers nothing.
- The three with `_substring` or `_longest_match` behind them: the same by another rule of what an answer names
  (`ilora.evaluation.validity`), for methods that write text. The released code's number is
  `hit_ratio@1_over_valid_substring`.
- `hit_ratio@1_likelihood`, for methods that write text and score: the highest score chooses in place of the text, of
  equal ones the first of the shuffled set. Every such answer is valid.
- `mrr`, `ndcg@5`, `ndcg@10`, for methods that score: exact under ties (`ilora.evaluation.ranking`).
- `tie_ratio`, for methods that score: candidate sets in which several candidates share the highest score, so that
  chance chose among them.
"""

import hashlib
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ilora.artifacts.schemas import METRICS
from ilora.evaluation.intervals import IntervalSettings, Ratio, estimate
from ilora.evaluation.predictions import PredictionsError, candidate_matrix, check_predictions, score_matrix
from ilora.evaluation.ranking import ndcg, reciprocal_rank
from ilora.evaluation.validity import OTHER_RULES, Titles
from ilora.layout import Run

#: The splits that metrics are given for, and the prediction rows that each of them takes.
SPLITS = {"val": ("val",), "test": ("test",), "val_test": ("val", "test")}
NDCG_CUTOFFS = (5, 10)


def measure_run(predictions: pa.Table, run: Run, titles: Titles, settings: IntervalSettings, source: str) -> pa.Table:
    """Return the metrics of one run, with intervals, for every split.

    Args:
        predictions: a table of the PREDICTIONS schema, with rows of val and test.
        run: whose predictions these are.
        titles: the title of each item, by item id.
        settings: how intervals are computed.
        source: where the predictions come from, for error messages.

    Returns:
        A table of the METRICS schema. `n` is the number of users with a row that counts. A metric that is not
        defined (HitRatio@1 over valid when nothing is valid) is NaN with n = 0.

    Raises:
        PredictionsError: the predictions contradict themselves, or are those of another method.
    """
    check_predictions(predictions, source)
    _check_method(predictions, run, source)
    labels = {
        "dataset": run.dataset,
        "protocol": run.protocol,
        "backbone": run.backbone,
        "method": run.method,
        "variant": run.variant,
        "seed": run.seed,
    }
    hashes = {split: _candidates_hash(predictions.filter(pa.array(split_rows(predictions, split)))) for split in SPLITS}
    rows = []
    for (split, metric), ratio in ratios(predictions, titles).items():
        result = estimate([ratio], settings)
        interval = {"value": result.value, "low": result.low, "high": result.high, "n": result.n}
        rows.append({**labels, "split": split, "metric": metric, **interval, "candidates_hash": hashes[split]})
    return pa.Table.from_pylist(rows, schema=METRICS)


def split_rows(predictions: pa.Table, split: str) -> NDArray[np.bool_]:
    """Return which rows are of a split: "val", "test", or "val_test" for both together; bool [rows]."""
    return pc.is_in(predictions["split"], pa.array(SPLITS[split])).to_numpy()


def ratios(predictions: pa.Table, titles: Titles) -> dict[tuple[str, str], Ratio]:
    """Return every metric that the predictions allow, by split and name.

    Args:
        predictions: rows of the PREDICTIONS schema that have passed `check_predictions`.
        titles: the title of each item, by item id.
    """
    whole = dict(_ratios(predictions, titles))
    chosen = {split: split_rows(predictions, split) for split in SPLITS}
    return {(split, metric): ratio.of_rows(rows) for split, rows in chosen.items() for metric, ratio in whole.items()}


def hit_ratio(predictions: pa.Table) -> Ratio:
    """Return HitRatio@1 over all rows of the PREDICTIONS schema: hits among all answers."""
    hits = pc.equal(predictions["choice"], predictions["target"]).fill_null(False).to_numpy().astype(np.float64)
    return Ratio(predictions["user_id"].to_numpy(), hits, np.ones(len(hits)))


def _ratios(predictions: pa.Table, titles: Titles) -> Iterator[tuple[str, Ratio]]:
    choices = predictions["choice"].to_pylist()
    yield from _choice_ratios(predictions, choices, "")
    if predictions["text"].null_count == 0:
        texts, candidates = predictions["text"].to_pylist(), predictions["candidates"].to_pylist()
        for name, rule in OTHER_RULES.items():
            choices = [rule(text, among, titles) for text, among in zip(texts, candidates, strict=True)]
            yield from _choice_ratios(predictions, choices, f"_{name}")
    scores = score_matrix(predictions)
    if scores is not None:
        yield from _score_ratios(predictions, scores)
        if predictions["text"].null_count == 0:
            yield "hit_ratio@1_likelihood", _highest_score_hits(predictions, scores)


def _choice_ratios(predictions: pa.Table, choices: list[int | None], suffix: str) -> Iterator[tuple[str, Ratio]]:
    users, target = predictions["user_id"].to_numpy(), predictions["target"].to_numpy()
    valid = np.array([choice is not None for choice in choices], dtype=np.float64)
    hit = np.array([choice == wanted for choice, wanted in zip(choices, target, strict=True)], dtype=np.float64)
    every_row = np.ones(len(users))
    yield f"hit_ratio@1{suffix}", Ratio(users, hit, every_row)
    yield f"hit_ratio@1_over_valid{suffix}", Ratio(users, hit, valid)
    yield f"valid_ratio{suffix}", Ratio(users, valid, every_row)


def _score_ratios(predictions: pa.Table, scores: NDArray[np.float64]) -> Iterator[tuple[str, Ratio]]:
    users = predictions["user_id"].to_numpy()
    every_row = np.ones(len(users))
    is_target = candidate_matrix(predictions) == predictions["target"].to_numpy()[:, None]
    yield "mrr", Ratio(users, reciprocal_rank(scores, is_target), every_row)
    for cutoff in NDCG_CUTOFFS:
        yield f"ndcg@{cutoff}", Ratio(users, ndcg(scores, is_target, cutoff), every_row)
    shared = (scores == scores.max(axis=1, keepdims=True)).sum(axis=1) > 1
    yield "tie_ratio", Ratio(users, shared.astype(np.float64), every_row)


def _highest_score_hits(predictions: pa.Table, scores: NDArray[np.float64]) -> Ratio:
    chosen = np.take_along_axis(candidate_matrix(predictions), scores.argmax(axis=1)[:, None], axis=1)[:, 0]
    hits = (chosen == predictions["target"].to_numpy()).astype(np.float64)
    return Ratio(predictions["user_id"].to_numpy(), hits, np.ones(len(hits)))


def _candidates_hash(predictions: pa.Table) -> str:
    """Return a digest of the candidate sets that were answered, whatever the order of the rows."""
    hashes = sorted(predictions["candidates_hash"].to_pylist())
    return hashlib.blake2b("\n".join(hashes).encode(), digest_size=16).hexdigest()


def _check_method(predictions: pa.Table, run: Run, source: str) -> None:
    methods = pc.unique(predictions["method"]).to_pylist()
    if methods != [run.method]:
        raise PredictionsError(f"{source}: holds predictions of {methods}, expected only of {run.method!r}.")
