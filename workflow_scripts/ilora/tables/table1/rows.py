"""Table 1: a row per data set and method, with the paper's numbers in separate columns."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import pyarrow as pa

from ilora.evaluation.improvement import relative_improvement
from ilora.evaluation.metrics import METRICS
from ilora.evaluation.verdicts import EMBEDDED_BACKBONE, Cell, incomparable_backbone, judge
from ilora.layout import Run
from ilora.plotting.backbone_size import Backbone
from ilora.plotting.labels import backbone_label
from ilora.plotting.paper_reference import PaperValue, paper_value, recomputed_improvement


@dataclass(frozen=True)
class TableColumn:
    """One measured quantity of the table: a metric on a split."""

    metric: str
    split: str

    @property
    def name(self) -> str:
        """The column of the value; "_low", "_high" and "_sd" are appended for the others."""
        return f"{self.metric}_{self.split}"


HIT_TEST = TableColumn("hit_ratio@1", "test")
HIT_VAL = TableColumn("hit_ratio@1", "val")
HIT_OVER_VALID_TEST = TableColumn("hit_ratio@1_over_valid", "test")
VALID_TEST = TableColumn("valid_ratio", "test")
TIES_TEST = TableColumn("tie_ratio", "test")

#: The columns that the metrics declare.
COLUMNS = tuple(TableColumn(metric.name, column.split) for metric in METRICS for column in metric.columns)

#: Status of a method that was not run because there is no key.
WITHOUT_KEY = "not run: no key"

_LABELS = ("dataset", "protocol", "backbone", "method")
_Key = tuple[str, str, str, str]
_Measured = dict[TableColumn, dict[str, Any]]
_PARTS = {"value": "", "low": "_low", "high": "_high", "sd": "_sd"}

#: A metric that a method does not have is null, and so is "_sd" (over seeds) with one seed. The columns that compare
#: iLoRA with the row's method, on the test split and the draws that both answered, are null in iLoRA's own row and in
#: studies without iLoRA. A method that was not run only has labels, a status and the paper's columns.
TABLE1 = pa.schema(
    [
        pa.field("dataset", pa.string(), nullable=False),
        pa.field("protocol", pa.string(), nullable=False),
        pa.field("backbone", pa.string(), nullable=False),  # label, with the number of parameters where known
        pa.field("method", pa.string(), nullable=False),
        pa.field("status", pa.string()),  # why there are no numbers; null where there are
        pa.field("seeds", pa.int32()),
        pa.field("test_users", pa.int64()),
        pa.field("draws", pa.int32()),  # candidate sets per user
        pa.field("confidence", pa.float64()),  # coverage of all intervals
        pa.field("covers", pa.string()),  # variation in those of the row, of `ilora.evaluation.variation`
        *(pa.field(column.name + suffix, pa.float64()) for column in COLUMNS for suffix in _PARTS.values()),
        pa.field("improvement", pa.float64()),  # of iLoRA over the method, in percent of the method's HitRatio@1
        pa.field("difference", pa.float64()),  # HitRatio@1 of iLoRA minus the method's, paired by user
        pa.field("difference_low", pa.float64()),
        pa.field("difference_high", pa.float64()),
        pa.field("p_holm", pa.float64()),  # of that difference, corrected over the table
        pa.field("paper_hit_ratio@1", pa.float64()),
        pa.field("paper_valid_ratio", pa.float64()),
        pa.field("paper_is_count", pa.bool_()),  # whether any count of hits gives the paper's HitRatio@1
        pa.field("paper_backbone", pa.string()),  # "paper (Llama-2-7B)" or "paper"; null where it prints nothing
        pa.field("paper_improvement", pa.float64()),  # recomputed from the paper's cells, in percent
        pa.field("paper_improvement_printed", pa.float64()),
        pa.field("verdict", pa.string()),  # of `ilora.evaluation.verdicts`; null where the paper prints nothing
    ]
)


def build_table1(
    summary: pa.Table,
    differences: pa.Table,
    backbone_parameters: Mapping[Backbone, int],
    without_key: Sequence[Run] = (),
    small_models: Collection[str] = (),
) -> pa.Table:
    """Return Table 1, of the schema TABLE1, with data sets and methods in the summary's order.

    Args:
        summary: a table of the SUMMARY schema; only the variant "default" is shown.
        differences: a table of the DIFFERENCES schema, of iLoRA against the other methods.
        backbone_parameters: number of parameters of the known backbones, for their labels.
        without_key: runs that were skipped because there is no key; they follow the other rows of their data set.
        small_models: methods other than language models that encode titles by the small backbone, as MoRec may.
    """
    groups: dict[_Key, _Measured] = {}
    for row in summary.to_pylist():
        if row["variant"] == "default":
            measured = groups.setdefault(_key(row), {})
            measured[TableColumn(row["metric"], row["split"])] = row
    against = {
        (row["dataset"], row["protocol"], row["second_backbone"], row["second"]): row
        for row in differences.to_pylist()
        if row["split"] == "test"
    }
    rows = [
        _row(measured, backbone_parameters)
        | _compared(measured, against.get(key))
        | _paper_columns(key, measured, small_models)
        for key, measured in groups.items()
    ]
    rows += [_row_without_key(run) for run in without_key]
    places = {
        data: place for place, data in enumerate(dict.fromkeys((row["dataset"], row["protocol"]) for row in rows))
    }
    rows.sort(key=lambda row: places[row["dataset"], row["protocol"]])  # stable: the methods keep their order
    return pa.Table.from_pylist(rows, schema=TABLE1)


def _key(row: Mapping[str, Any]) -> _Key:
    return row["dataset"], row["protocol"], row["backbone"], row["method"]


def _row(measured: _Measured, parameters: Mapping[Backbone, int]) -> dict[str, Any]:
    labels = measured[HIT_TEST]
    backbone = Backbone(labels["dataset"], labels["protocol"], labels["backbone"])
    row = {
        **{name: labels[name] for name in (*_LABELS, "seeds", "draws", "confidence", "covers")},
        "backbone": backbone_label(backbone.name, parameters.get(backbone)),
        "test_users": labels["n"],
    }
    for column in COLUMNS:
        if column in measured:
            row |= {column.name + suffix: _known(measured[column][part]) for part, suffix in _PARTS.items()}
    return row


def _row_without_key(run: Run) -> dict[str, Any]:
    labels = {name: getattr(run, name) for name in _LABELS} | {"backbone": backbone_label(run.backbone)}
    key = (run.dataset, run.protocol, run.backbone, run.method)
    return labels | {"status": WITHOUT_KEY} | _paper_columns(key, {}, ())


def _compared(measured: _Measured, difference: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the comparison of iLoRA with the row's method on the same candidate sets."""
    if difference is None:
        return {}
    value = measured[HIT_TEST]["value"]
    return {
        "improvement": _known(relative_improvement(value + difference["value"], value)),
        "difference": difference["value"],
        "difference_low": difference["low"],
        "difference_high": difference["high"],
        "p_holm": difference["p_holm"],
    }


def _paper_columns(key: _Key, measured: _Measured, small_models: Collection[str]) -> dict[str, Any]:
    dataset, protocol, _, method = key
    paper = paper_value(dataset, protocol, method)
    if paper is None:
        return {}
    printed = paper.improvement
    return {
        "paper_hit_ratio@1": paper.hit_ratio,
        "paper_valid_ratio": paper.valid_ratio,
        "paper_is_count": paper.is_count,
        "paper_backbone": paper.label,
        "paper_improvement": None if printed is None else recomputed_improvement(dataset, method),
        "paper_improvement_printed": printed,
        "verdict": _verdict(measured, paper, method in small_models) if measured else None,
    }


def _verdict(measured: _Measured, paper: PaperValue, reads_by_small_backbone: bool) -> str | None:
    backbone = EMBEDDED_BACKBONE if reads_by_small_backbone else measured[HIT_TEST]["backbone"]
    incomparable = incomparable_backbone(backbone, paper.backbone)
    if incomparable:
        return incomparable
    cell = measured.get(TableColumn(paper.metric, "test"))
    if cell is None:
        return None
    ours = Cell(**{field.name: cell[field.name] for field in fields(Cell)})
    return judge(ours, paper.hit_ratio, paper.claimed_gain)


def _known(value: float | None) -> float | None:
    """Return the value, or None if it is undefined (NaN)."""
    return None if value is None or math.isnan(value) else value
