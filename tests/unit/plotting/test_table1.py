import pyarrow as pa
import pytest

from ilora.plotting.backbone_size import Backbone
from ilora.plotting.table1 import TABLE1, build_table1

SIZES = {Backbone("movielens", "published", "embedded"): 1_100_000}


def test_a_row_per_method_in_the_order_of_the_summary(summary: pa.Table) -> None:
    table = build_table1(summary, SIZES)
    assert table.schema.equals(TABLE1)
    methods = ["popularity", "markov", "gru4rec", "caser", "sasrec", "zero_shot", "llara", "ilora"]
    assert table["method"].to_pylist() == methods


def test_values_stand_in_the_columns_of_their_metric_and_split(summary: pa.Table) -> None:
    row = build_table1(summary, SIZES).to_pylist()[-1]
    assert row["backbone"] == "embedded (1.1M parameters)"
    assert (row["seeds"], row["test_users"], row["draws"]) == (3, 95, 10)
    assert (row["hit_ratio@1_test"], row["hit_ratio@1_test_sd"]) == (0.326, 0.012)
    assert (row["hit_ratio@1_test_low"], row["hit_ratio@1_test_high"]) == pytest.approx((0.256, 0.396))
    assert row["hit_ratio@1_val"] == 0.305
    assert row["valid_ratio_test"] == 0.955
    assert row["mrr_test"] is None
    assert (row["paper_hit_ratio@1"], row["paper_valid_ratio"]) == (0.5275, 0.9891)
    assert row["paper_backbone"] == "paper (Llama-2-7B)"


def test_what_the_paper_lacks_has_no_paper_value(summary: pa.Table) -> None:
    row = build_table1(summary, SIZES).to_pylist()[0]
    assert row["backbone"] == "none"
    assert (row["paper_hit_ratio@1"], row["paper_valid_ratio"], row["paper_backbone"]) == (None, None, None)


def test_sweeps_are_not_in_the_table(summary: pa.Table) -> None:
    place = summary.schema.get_field_index("variant")
    sweep = summary.set_column(place, SUMMARY_VARIANT, pa.array(["experts~2"] * summary.num_rows))
    assert build_table1(pa.concat_tables([summary, sweep]), SIZES).equals(build_table1(summary, SIZES))


def test_what_is_not_defined_is_null(summary: pa.Table) -> None:
    rows = summary.to_pylist()
    for row in rows:
        if (row["method"], row["metric"]) == ("zero_shot", "hit_ratio@1_over_valid"):
            row |= {"value": float("nan"), "low": float("nan"), "high": float("nan"), "n": 0}
    table = build_table1(pa.Table.from_pylist(rows, schema=summary.schema), SIZES)
    assert table.to_pylist()[5]["hit_ratio@1_over_valid_test"] is None


SUMMARY_VARIANT = pa.field("variant", pa.string(), nullable=False)
