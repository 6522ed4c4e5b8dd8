"""Notes on Table 1: what a reader needs to know to use its numbers."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from ilora.evaluation.intervals import FEWEST_USERS
from ilora.evaluation.metrics import METRICS
from ilora.evaluation.variation import Variation
from ilora.evaluation.verdicts import Verdict
from ilora.plotting.labels import NO_BACKBONE, dataset_label, method_label
from ilora.plotting.paper_reference import (
    PROTOCOLS,
    SEEDS,
    average_improvement,
    has_paper_users,
    misprinted_improvements,
)
from ilora.reporting.findings import UNIFORM_LORA, difference_statement
from ilora.tables.table1.rows import TIES_TEST, WITHOUT_KEY


def table_notes(table: pa.Table, differences: pa.Table) -> list[str]:
    """Return all notes on Table 1.

    Args:
        table: of the TABLE1 schema.
        differences: of the DIFFERENCES schema.
    """
    return [
        *main_notes(table),
        *detailed_notes(table, differences),
        *(
            f"{dataset_label(difference['dataset'])}: {difference_statement(difference)}"
            for difference in differences.to_pylist()
            if difference["second"] == UNIFORM_LORA and difference["split"] in ("test", "val_test")
        ),
    ]


def main_notes(table: pa.Table) -> list[str]:
    """Return the notes without which the numbers would be misread: models, users, and what intervals cover.

    Args:
        table: of the TABLE1 schema.
    """
    every_row = table.to_pylist()
    rows = _rows_with_numbers(every_row)
    return [
        *_backbone_notes(rows),
        *_key_notes(every_row),
        _paper_note(every_row),
        *_size_notes(rows),
        *_variation_notes(rows),
    ]


def detailed_notes(table: pa.Table, differences: pa.Table) -> list[str]:
    """Return the notes on how the numbers were computed; arguments as of `table_notes`."""
    every_row = table.to_pylist()
    rows = _rows_with_numbers(every_row)
    return [
        _interval_note(rows),
        *_metric_notes(rows),
        *_verdict_notes(rows),
        *_count_notes(every_row),
        *_improvement_notes(rows),
        *_tie_notes(rows),
        *_test_notes(differences.to_pylist()),
    ]


def _rows_with_numbers(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if row["status"] is None]


def _backbone_notes(rows: list[dict[str, Any]]) -> Iterator[str]:
    labels = dict.fromkeys(row["backbone"] for row in rows)
    for label in labels:
        if label.startswith("embedded"):
            yield (
                f"Rows with the backbone {label} are measured with a small model that this pipeline pretrains itself. "
                "They are not Llama-2's, and say nothing about what the methods reach with it."
            )
        elif label != NO_BACKBONE:
            yield f"Rows with the backbone {label} were measured with that model."


def _key_notes(rows: list[dict[str, Any]]) -> Iterator[str]:
    methods = dict.fromkeys(method_label(row["method"]) for row in rows if row["status"] == WITHOUT_KEY)
    if methods:
        yield (
            f"{WITHOUT_KEY}: {', '.join(methods)}. The environment variable that chat.key_variable names, with the key "
            "of the chat model, was not set."
        )


def _paper_note(rows: list[dict[str, Any]]) -> str:
    if not any(row["paper_backbone"] for row in rows):
        return (
            f"Table 1 of arXiv 2408.10159 belongs to the protocols {' and '.join(PROTOCOLS)} and has none of these "
            "rows, so no reference data are shown."
        )
    return (
        "The paper's columns are reference data from Table 1 of arXiv 2408.10159, measured by its authors "
        f"{_paper_users(rows)}, with Llama-2-7B where marked. Its HitRatio@1 of iLoRA "
        "follows the released code: hits among valid answers."
    )


def _paper_users(rows: list[dict[str, Any]]) -> str:
    """Return the users of the paper's numbers, compared with ours."""
    data = dict.fromkeys((row["dataset"], row["protocol"]) for row in rows if row["paper_backbone"])
    same = [dataset_label(dataset) for dataset, protocol in data if has_paper_users(dataset, protocol)]
    if len(same) == len(data):
        return "on the same users"
    return f"on the same users of {' and '.join(same)}, on others elsewhere" if same else "on another random split"


def _size_notes(rows: list[dict[str, Any]]) -> Iterator[str]:
    keys = ("dataset", "protocol", "test_users", "draws", "confidence")
    sizes: dict[tuple[Any, ...], list[str]] = {}
    for row in rows:
        sizes.setdefault(tuple(row[key] for key in keys), []).append(method_label(row["method"]))
    data = [size[:2] for size in sizes]
    for (dataset, protocol, users, draws, confidence), methods in sizes.items():
        named = f", {' and '.join(methods)}" if data.count((dataset, protocol)) > 1 and len(methods) < 3 else ""
        yield (
            f"{dataset_label(dataset)} ({protocol} protocol){named}: {users} test users, {draws} candidate "
            f"{'set' if draws == 1 else 'sets'} each. Brackets are {confidence:.0%} intervals; ± is the standard "
            "deviation over trainings."
        )


def _variation_notes(rows: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the variation that the brackets cover, with the methods concerned."""
    methods: dict[tuple[str, int], dict[str, None]] = {}
    for row in rows:
        methods.setdefault((row["covers"], row["seeds"]), {})[method_label(row["method"])] = None
    for (covers, seeds), names in methods.items():
        named = ", ".join(names)
        if covers == Variation.USERS:
            yield f"Brackets over users, since nothing is trained for them: {named}."
        elif covers == Variation.ONE_TRAINING:
            yield (
                f"ONE TRAINING each, brackets over users only: {named}. Another seed, or the same one on another "
                "processor, may lie outside of them. More trainings, such as seeds: [1, 2, 3] in the study, cover "
                "run-to-run variance."
            )
        else:
            yield f"{seeds} trainings each, brackets over users and trainings: {named}."


def _interval_note(rows: list[dict[str, Any]]) -> str:
    method = "cluster bootstrap over users (BCa, widened for their number)"
    if any(row["draws"] == 1 for row in rows):
        method = f"Wilson's with one answer per user, else {method}"
    return (
        f"Intervals: {method}; Wilson's over the number of users where fewer than {FEWEST_USERS} users keep a "
        "ratio from being 0 or 1. With several trainings, widened by Student's t over the runs (squares are added)."
    )


def _metric_notes(rows: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the note of each metric that occurs."""
    for metric in METRICS:
        names = [f"{metric.name}_{column.split}" for column in metric.columns]
        if metric.note and any(row[name] is not None for row in rows for name in names):
            yield metric.note


def _verdict_notes(rows: list[dict[str, Any]]) -> Iterator[str]:
    verdicts = {row["verdict"] for row in rows if row["verdict"]}
    if not verdicts:
        return
    yield (
        'Verdict: "not reproduced" if the paper\'s value lies outside our interval even as the result of one training '
        '(their number is unknown); "reproduced" if it lies inside and the interval is no wider than the gain of iLoRA '
        'that the paper claims in that cell; otherwise "underpowered". iLoRA\'s own cell is judged as the released '
        "code counts: hits among the answers in which exactly one candidate's title occurs. The paper's sample of "
        "users is not taken into account."
    )
    if Verdict.ONE_TRAINING in verdicts:
        yield (
            '"One training": no verdict, whatever the paper\'s value, since one training does not show run-to-run '
            "variance."
        )
    if any(verdict.startswith("not comparable") for verdict in verdicts):
        yield '"Not comparable": the paper measured that cell with another language model.'


def _count_notes(rows: list[dict[str, Any]]) -> Iterator[str]:
    if any(row["paper_is_count"] is False for row in rows):
        yield (
            "†, no count of hits gives this value: no number of hits among all or among the valid test answers equals "
            "the paper's cell, with or without a last, partial batch and, for a recommender, in one training or in the "
            f"mean of {SEEDS}. No repetition can give it exactly, whatever the verdict."
        )


def _improvement_notes(rows: list[dict[str, Any]]) -> Iterator[str]:
    if any(row["improvement"] is not None for row in rows):
        yield "Imp.%: relative improvement of iLoRA's HitRatio@1 over the row's, in percent; from our own cells."
    if all(row["paper_improvement"] is None for row in rows):
        return
    wrong = "; ".join(
        f"for {method_label(method)} on {dataset_label(dataset)} it prints {printed:.2f} %, its cells give "
        f"{recomputed:.2f} %"
        for dataset, method, printed, recomputed in misprinted_improvements()
    )
    printed, recomputed = average_improvement(UNIFORM_LORA)
    yield (
        f"The paper's Imp.% is recomputed from its cells. Its own column disagrees with them: {wrong}. So its average "
        f"over LLaRA, printed as {printed:.1f} %, is {recomputed:.1f} % by its cells."
    )


def _tie_notes(rows: list[dict[str, Any]]) -> Iterator[str]:
    tied = [row for row in rows if row[TIES_TEST.name]]
    if tied:
        shares = ", ".join(
            f"{method_label(row['method'])} on {dataset_label(row['dataset'])} {row[TIES_TEST.name]:.1%}"
            for row in tied
        )
        yield (
            f"Candidate sets in which several candidates shared the highest score: {shares}. The first of them in the "
            "shuffled set was chosen; MRR is the mean over the shared ranks."
        )


def _test_notes(differences: list[dict[str, Any]]) -> Iterator[str]:
    if differences:
        yield (
            "p: exact sign-flip test over users (with one answer per user, McNemar's exact test), Holm-corrected over "
            f"the {differences[0]['comparisons']} comparisons of the table. With several trainings, p accounts for "
            "them as the intervals do."
        )
