"""What a reader of Table 1 must know beside its numbers."""

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from ilora.plotting.labels import NO_BACKBONE, dataset_label, method_label
from ilora.plotting.paper_reference import PROTOCOL

_METRIC_NAMES = {"hit_ratio@1": "HitRatio@1"}
_SPLIT_NAMES = {"test": "test", "val": "validation", "val_test": "validation and test together"}


def table_notes(table: pa.Table, differences: pa.Table) -> list[str]:
    """Return the notes below Table 1, each a sentence or a few.

    Args:
        table: of the TABLE1 schema.
        differences: of the DIFFERENCES schema.
    """
    rows = table.to_pylist()
    return [
        *_backbone_notes(rows),
        _paper_note(rows),
        *_size_notes(rows),
        "HitRatio@1 counts hits among all answers, HitRatio@1 over valid among the valid ones only. "
        "An answer is valid when it is the title of exactly one candidate.",
        *(
            f"{dataset_label(difference['dataset'])}: {difference_statement(difference)}"
            for difference in differences.to_pylist()
            if difference["split"] in ("test", "val_test")
        ),
    ]


def difference_statement(difference: Mapping[str, Any]) -> str:
    """Return a sentence on one row of the DIFFERENCES schema: what was found, and what it shows."""
    first, second = method_label(difference["first"]), method_label(difference["second"])
    low, high = difference["low"], difference["high"]
    verdict = "no demonstrated difference"
    if low > 0.0 or high < 0.0:
        verdict = f"{first if low > 0.0 else second} is ahead on these users"
    seeds = difference["seeds"]
    caveat = "one seed, so variation between trainings is not covered" if seeds == 1 else f"mean of {seeds} seeds"
    return (
        f"{first} minus {second} in {_METRIC_NAMES.get(difference['metric'], difference['metric'])}, "
        f"{_SPLIT_NAMES[difference['split']]}: {difference['value']:+.3f} "
        f"[{low:+.3f}, {high:+.3f}], {verdict} (paired by user, "
        f"{difference['confidence']:.0%} cluster bootstrap over {difference['n']} users, {caveat})."
    )


def _backbone_notes(rows: list[dict[str, Any]]) -> Iterator[str]:
    labels = dict.fromkeys(row["backbone"] for row in rows)
    for label in labels:
        if label.startswith("embedded"):
            yield (
                f"Rows with the backbone {label} are those of a small model that this pipeline pretrains "
                "itself. They are not Llama-2's, and say nothing about what the methods reach on it."
            )
        elif label != NO_BACKBONE:
            yield f"Rows with the backbone {label} were measured with that model."


def _paper_note(rows: list[dict[str, Any]]) -> str:
    if not any(row["paper_backbone"] for row in rows):
        return (
            f"Table 1 of arXiv 2408.10159 belongs to the protocol {PROTOCOL} and has none of these rows, so "
            "no reference data are shown."
        )
    return (
        "The paper's columns are reference data from Table 1 of arXiv 2408.10159, measured by its authors "
        "on another random split, with Llama-2-7B where so marked. Its HitRatio@1 of iLoRA "
        "follows the released code: hits among valid answers."
    )


def _size_notes(rows: list[dict[str, Any]]) -> Iterator[str]:
    keys = ("dataset", "protocol", "test_users", "draws", "confidence")
    for dataset, protocol, users, draws, confidence in dict.fromkeys(tuple(row[key] for key in keys) for row in rows):
        yield (
            f"{dataset_label(dataset)} ({protocol} protocol): {users} test users, {draws} candidate "
            f"{'set' if draws == 1 else 'sets'} each. Brackets are {confidence:.0%} intervals "
            "over users; ± is the standard deviation over seeds."
        )
