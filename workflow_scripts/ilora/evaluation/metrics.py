"""The metrics, and their computation from the predictions of one run.

`METRICS` declares the name, computation and display of each metric once; the columns of Table 1, the notes below it and
the model card are derived from it. A hit is a choice of the target item; another item with the same title is a miss.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ilora.artifacts import schemas
from ilora.evaluation.intervals import IntervalSettings, Ratio, estimate
from ilora.evaluation.ranking import ndcg, reciprocal_rank
from ilora.layout import Run
from ilora.predictions.checking import PredictionsError, check_predictions
from ilora.predictions.choices import OTHER_RULES, Titles
from ilora.predictions.scores import candidate_matrix, score_matrix

#: The splits that metrics are reported for, and the splits of the prediction rows that each includes.
SPLITS = {"val": ("val",), "test": ("test",), "val_test": ("val", "test")}

#: The part of the predictions that a metric reads; a run without that part does not have the metric.
Reads = Literal["choices", "texts", "scores", "texts and scores"]

# The order of the rows in a table of metrics.
_READS = get_args(Reads)


class Answers:
    """The predictions of one run, as input of the metrics.

    Args:
        predictions: rows of the PREDICTIONS schema that have passed `check_predictions`.
        titles: the title of each item, by item id.
    """

    def __init__(self, predictions: pa.Table, titles: Titles) -> None:
        self.predictions = predictions
        self._titles = titles
        self._choices: dict[str, list[int | None]] = {"": predictions["choice"].to_pylist()}

    def can_be_read_as(self, reads: Reads) -> bool:
        """Return whether every row has the parts that these metrics read."""
        has_texts, has_scores = self.predictions["text"].null_count == 0, self.scores is not None
        return {
            "choices": True,
            "texts": has_texts,
            "scores": has_scores,
            "texts and scores": has_texts and has_scores,
        }[reads]

    @cached_property
    def users(self) -> NDArray[np.integer]:
        """The user of each row, [rows]."""
        return self.predictions["user_id"].to_numpy()

    @cached_property
    def targets(self) -> NDArray[np.integer]:
        """The target of each row, [rows]."""
        return self.predictions["target"].to_numpy()

    def choices(self, rule: str = "") -> list[int | None]:
        """Return the item that each row names, or None, by the exact rule or the rule `OTHER_RULES[rule]`."""
        if rule not in self._choices:
            texts, candidates = self.predictions["text"].to_pylist(), self.predictions["candidates"].to_pylist()
            named = OTHER_RULES[rule]
            self._choices[rule] = [
                named(text, among, self._titles) for text, among in zip(texts, candidates, strict=True)
            ]
        return self._choices[rule]

    @cached_property
    def scores(self) -> NDArray[np.float64] | None:
        """The score of each candidate, float64 [rows, candidates]; None for a method that only writes text."""
        return score_matrix(self.predictions)

    @cached_property
    def candidates(self) -> NDArray[np.integer]:
        """The candidates of each row, [rows, candidates]."""
        return candidate_matrix(self.predictions)

    @property
    def known_scores(self) -> NDArray[np.float64]:
        """The scores, of predictions that have them."""
        if self.scores is None:
            raise ValueError('found predictions without scores. Declare reads="scores" for metrics that need them.')
        return self.scores

    @property
    def is_target(self) -> NDArray[np.bool_]:
        """Which of the candidates is the target, bool [rows, candidates]."""
        return self.candidates == self.targets[:, None]

    def over_all(self, counted: NDArray[np.float64]) -> Ratio:
        """Return the mean of `counted`, float64 [rows], over all rows."""
        return Ratio(self.users, counted, np.ones(len(self.users)))


@dataclass(frozen=True)
class Column:
    """A column of Table 1: a metric on one split.

    Attributes:
        split: a key of SPLITS.
        shows: content of its cells; a column that shows nothing is only in the data files.
    """

    split: str
    shows: Literal["interval", "value", "nothing"] = "interval"


@dataclass(frozen=True)
class Metric:
    """A metric of one run.

    Attributes:
        name: name in the files.
        heading: display name, with line breaks for narrow columns.
        reads: part of the predictions that it needs.
        measure: function that computes it.
        columns: its columns of Table 1.
        is_on_card: whether an adapter's model card shows it.
        meaning: explanation that follows its name on the card.
        note: note below Table 1, shown if any row has the metric.
    """

    name: str
    heading: str
    reads: Reads
    measure: Callable[[Answers], Ratio]
    columns: tuple[Column, ...] = ()
    is_on_card: bool = False
    meaning: str = ""
    note: str = ""

    @property
    def label(self) -> str:
        """The display name on one line."""
        return self.heading.replace("\n", " ")


def _hits(rule: str = "") -> Callable[[Answers], Ratio]:
    return lambda answers: answers.over_all(_is_hit(answers, rule))


def _hits_over_valid(rule: str = "") -> Callable[[Answers], Ratio]:
    return lambda answers: Ratio(answers.users, _is_hit(answers, rule), _is_valid(answers, rule))


def _valid(rule: str = "") -> Callable[[Answers], Ratio]:
    return lambda answers: answers.over_all(_is_valid(answers, rule))


def _likeliest_hits(answers: Answers) -> Ratio:
    place = answers.known_scores.argmax(axis=1)[:, None]
    chosen = np.take_along_axis(answers.candidates, place, axis=1)[:, 0]
    return answers.over_all((chosen == answers.targets).astype(np.float64))


def _mean_reciprocal_rank(answers: Answers) -> Ratio:
    return answers.over_all(reciprocal_rank(answers.known_scores, answers.is_target))


def _ndcg(cutoff: int) -> Callable[[Answers], Ratio]:
    return lambda answers: answers.over_all(ndcg(answers.known_scores, answers.is_target, cutoff))


def _ties(answers: Answers) -> Ratio:
    scores = answers.known_scores
    shared = (scores == scores.max(axis=1, keepdims=True)).sum(axis=1) > 1
    return answers.over_all(shared.astype(np.float64))


#: Every metric, in the order of Table 1's columns.
METRICS = (
    Metric(
        "hit_ratio@1",
        "HitRatio@1",
        "choices",
        _hits(),
        columns=(Column("test"), Column("val"), Column("val_test", shows="nothing")),
        is_on_card=True,
        meaning="hits among all answers",
    ),
    # The paper's released code (arXiv 2408.10159) divides by valid answers, which favours a method with few of them.
    Metric(
        "hit_ratio@1_over_valid",
        "HitRatio@1\nover valid",
        "choices",
        _hits_over_valid(),
        columns=(Column("test"),),
        note="HitRatio@1 is the share of hits among all answers, HitRatio@1 over valid the share among valid answers. "
        "An answer is valid if it is the title of exactly one candidate.",
    ),
    # Other rules for the item that an answer names (`ilora.predictions.choices`). The second is the released metric.
    Metric("hit_ratio@1_substring", "HitRatio@1\nby substring", "texts", _hits("substring")),
    Metric(
        "hit_ratio@1_over_valid_substring",
        "HitRatio@1 over\nvalid by substring",
        "texts",
        _hits_over_valid("substring"),
        columns=(Column("test", shows="nothing"),),
    ),
    Metric("valid_ratio_substring", "ValidRatio\nby substring", "texts", _valid("substring")),
    Metric("hit_ratio@1_longest_match", "HitRatio@1 by\nlongest match", "texts", _hits("longest_match")),
    Metric(
        "hit_ratio@1_over_valid_longest_match",
        "HitRatio@1 over\nvalid by longest match",
        "texts",
        _hits_over_valid("longest_match"),
    ),
    Metric("valid_ratio_longest_match", "ValidRatio by\nlongest match", "texts", _valid("longest_match")),
    Metric(
        "valid_ratio",
        "ValidRatio",
        "choices",
        _valid(),
        columns=(Column("test"), Column("val_test", shows="nothing")),
        is_on_card=True,
        meaning="answers that name a candidate",
    ),
    # The candidate with the highest score replaces the text; ties go to the first of the shuffled set.
    Metric(
        "hit_ratio@1_likelihood",
        "HitRatio@1 by\nlikelihood",
        "texts and scores",
        _likeliest_hits,
        columns=(Column("test"),),
        is_on_card=True,
        note="HitRatio@1 by likelihood: a language model's answer is the candidate whose title has the highest "
        "likelihood, not the generated text, so every answer is valid. Its MRR is computed from the same ranking.",
    ),
    # Exact under ties (`ilora.evaluation.ranking`).
    Metric("mrr", "MRR", "scores", _mean_reciprocal_rank, columns=(Column("test", shows="value"),), is_on_card=True),
    Metric("ndcg@5", "NDCG@5", "scores", _ndcg(5), is_on_card=True),
    Metric("ndcg@10", "NDCG@10", "scores", _ndcg(10)),
    # Share of candidate sets in which several candidates share the highest score, so that chance decides.
    Metric("tie_ratio", "Ties", "scores", _ties, columns=(Column("test", shows="nothing"),)),
)


def metric_label(name: str) -> str:
    """Return the display name of a metric; an unknown name is returned unchanged."""
    return next((metric.label for metric in METRICS if metric.name == name), name)


def measure_run(predictions: pa.Table, run: Run, titles: Titles, settings: IntervalSettings, source: str) -> pa.Table:
    """Return the metrics of one run, with intervals, for every split.

    Args:
        predictions: a table of the PREDICTIONS schema, with rows of val and test.
        run: the run that made the predictions.
        titles: the title of each item, by item id.
        settings: how intervals are computed.
        source: where the predictions come from, for error messages.

    Returns:
        A table of the METRICS schema. `n` is the number of users with a row that counts. A metric that is not
        defined (HitRatio@1 over valid when nothing is valid) is NaN with n = 0.

    Raises:
        PredictionsError: the predictions are inconsistent, or from another method.
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
    return pa.Table.from_pylist(rows, schema=schemas.METRICS)


def split_rows(predictions: pa.Table, split: str) -> NDArray[np.bool_]:
    """Return the mask of the rows of a split ("val", "test", or "val_test" for both), bool [rows]."""
    return pc.is_in(predictions["split"], pa.array(SPLITS[split])).to_numpy()


def ratios(predictions: pa.Table, titles: Titles) -> dict[tuple[str, str], Ratio]:
    """Return every metric that the predictions support, by split and name.

    Args:
        predictions: rows of the PREDICTIONS schema that have passed `check_predictions`.
        titles: the title of each item, by item id.
    """
    answers = Answers(predictions, titles)
    of_all_rows = {
        metric.name: metric.measure(answers)
        for metric in sorted(METRICS, key=lambda metric: _READS.index(metric.reads))  # stable
        if answers.can_be_read_as(metric.reads)
    }
    chosen = {split: split_rows(predictions, split) for split in SPLITS}
    return {
        (split, metric): ratio.of_rows(rows) for split, rows in chosen.items() for metric, ratio in of_all_rows.items()
    }


def hit_ratio(predictions: pa.Table) -> Ratio:
    """Return HitRatio@1 over all rows of a table of the PREDICTIONS schema."""
    return _hits()(Answers(predictions, {}))


def _is_hit(answers: Answers, rule: str) -> NDArray[np.float64]:
    pairs = zip(answers.choices(rule), answers.targets, strict=True)
    return np.array([choice == target for choice, target in pairs], dtype=np.float64)


def _is_valid(answers: Answers, rule: str) -> NDArray[np.float64]:
    return np.array([choice is not None for choice in answers.choices(rule)], dtype=np.float64)


def _candidates_hash(predictions: pa.Table) -> str:
    """Return a digest of the answered candidate sets, independent of the order of the rows."""
    hashes = sorted(predictions["candidates_hash"].to_pylist())
    return hashlib.blake2b("\n".join(hashes).encode(), digest_size=16).hexdigest()


def _check_method(predictions: pa.Table, run: Run, source: str) -> None:
    methods = pc.unique(predictions["method"]).to_pylist()
    if methods != [run.method]:
        raise PredictionsError(f"{source}: found predictions of {methods}, expected only {run.method!r}.")
