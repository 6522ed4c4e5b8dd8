"""Table 1: a row per data set and method, with the paper's numbers in columns of their own."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from ilora.plotting.backbone_size import Backbone
from ilora.plotting.labels import backbone_label
from ilora.plotting.paper_reference import paper_value


@dataclass(frozen=True)
class TableColumn:
    """One measured quantity of the table: a metric on a split."""

    metric: str
    split: str

    @property
    def name(self) -> str:
        """The column that holds the value; "_low", "_high" and "_sd" are appended for the others."""
        return f"{self.metric}_{self.split}"


HIT_TEST = TableColumn("hit_ratio@1", "test")
HIT_VAL = TableColumn("hit_ratio@1", "val")
HIT_BOTH = TableColumn("hit_ratio@1", "val_test")
HIT_OVER_VALID_TEST = TableColumn("hit_ratio@1_over_valid", "test")
VALID_TEST = TableColumn("valid_ratio", "test")
VALID_BOTH = TableColumn("valid_ratio", "val_test")
MRR_TEST = TableColumn("mrr", "test")

COLUMNS = (HIT_TEST, HIT_VAL, HIT_BOTH, HIT_OVER_VALID_TEST, VALID_TEST, VALID_BOTH, MRR_TEST)
_LABELS = ("dataset", "protocol", "backbone", "method")
_PARTS = {"value": "", "low": "_low", "high": "_high", "sd": "_sd"}

#: A metric that a method does not have is null, as is "_sd" (over seeds) with one seed.
TABLE1 = pa.schema(
    [
        pa.field("dataset", pa.string(), nullable=False),
        pa.field("protocol", pa.string(), nullable=False),
        pa.field("backbone", pa.string(), nullable=False),  # label, with the number of parameters where known
        pa.field("method", pa.string(), nullable=False),
        pa.field("seeds", pa.int32(), nullable=False),
        pa.field("test_users", pa.int64(), nullable=False),
        pa.field("draws", pa.int32(), nullable=False),  # candidate sets per user
        pa.field("confidence", pa.float64(), nullable=False),  # coverage of all intervals
        *(pa.field(column.name + suffix, pa.float64()) for column in COLUMNS for suffix in _PARTS.values()),
        pa.field("paper_hit_ratio@1", pa.float64()),
        pa.field("paper_valid_ratio", pa.float64()),
        pa.field("paper_backbone", pa.string()),  # "paper (Llama-2-7B)" or "paper"; null where it prints nothing
    ]
)


def build_table1(summary: pa.Table, backbone_parameters: Mapping[Backbone, int]) -> pa.Table:
    """Return Table 1, of the schema TABLE1, with the rows in the summary's order of data sets and methods.

    Args:
        summary: a table of the SUMMARY schema; only the variant "default" is shown.
        backbone_parameters: numbers of parameters, for the labels of those backbones that are known.
    """
    groups: dict[tuple[str, ...], dict[TableColumn, dict[str, Any]]] = {}
    for row in summary.to_pylist():
        if row["variant"] == "default":
            measured = groups.setdefault(tuple(row[label] for label in _LABELS), {})
            measured[TableColumn(row["metric"], row["split"])] = row
    rows = [_row(measured, backbone_parameters) for measured in groups.values()]
    return pa.Table.from_pylist(rows, schema=TABLE1)


def _row(measured: Mapping[TableColumn, Mapping[str, Any]], parameters: Mapping[Backbone, int]) -> dict[str, Any]:
    labels = measured[HIT_TEST]
    backbone = Backbone(labels["dataset"], labels["protocol"], labels["backbone"])
    paper = paper_value(labels["dataset"], labels["protocol"], labels["method"])
    row = {
        **{name: labels[name] for name in (*_LABELS, "seeds", "draws", "confidence")},
        "backbone": backbone_label(backbone.name, parameters.get(backbone)),
        "test_users": labels["n"],
        "paper_hit_ratio@1": paper.hit_ratio if paper else None,
        "paper_valid_ratio": paper.valid_ratio if paper else None,
        "paper_backbone": paper.label if paper else None,
    }
    for column in COLUMNS:
        if column in measured:
            row |= {column.name + suffix: _known(measured[column][part]) for part, suffix in _PARTS.items()}
    return row


def _known(value: float | None) -> float | None:
    """Return the value, or None for one that is not defined (NaN)."""
    return None if value is None or math.isnan(value) else value
