"""Full rankings by a method and its ablations: metrics with intervals, and differences from the method's own."""

import math
from collections.abc import Mapping

import pyarrow as pa

from ilora.configuration.types import DEFAULT_VARIANT
from ilora.evaluation.full_ranking import ranking_ratio, seeds_of_methods, summarise_rankings
from ilora.evaluation.intervals import IntervalSettings, estimate_difference
from ilora.evaluation.schemas import RANKING_ABLATIONS
from ilora.layout import Run


def measure_ablations(ranks: Mapping[Run, pa.Table], settings: IntervalSettings) -> pa.Table:
    """Return a table of the schema RANKING_ABLATIONS for one method on one data set.

    Args:
        ranks: tables of the RANKS schema, by run: every seed of the method's own settings and of each ablation.
        settings: how intervals are computed.

    Raises:
        ValueError: no run has the method's own settings, or the runs have different seeds or users.
    """
    runs = {method.variant: of_method for method, of_method in seeds_of_methods(ranks).items()}
    _check_seeds(runs)
    own = [ranks[run] for run in runs[DEFAULT_VARIANT]]
    rows = []
    for row in summarise_rankings(ranks, settings).to_pylist():
        metric, split = row["metric"], row["split"]
        if row["variant"] != DEFAULT_VARIANT:
            ours = [ranking_ratio(table, metric, split) for table in own]
            theirs = [ranking_ratio(ranks[run], metric, split) for run in runs[row["variant"]]]
            found = estimate_difference(ours, theirs, settings)
            ends = {"difference": found.value, "difference_low": found.low, "difference_high": found.high}
            row |= {name: value if math.isfinite(value) else None for name, value in ends.items()}
        rows.append(row)
    return pa.Table.from_pylist(rows, schema=RANKING_ABLATIONS)


def _check_seeds(runs: Mapping[str, list[Run]]) -> None:
    if DEFAULT_VARIANT not in runs:
        raise ValueError(f"ablations: found runs of {', '.join(runs)}, expected {DEFAULT_VARIANT} among them")
    expected = [run.seed for run in runs[DEFAULT_VARIANT]]
    for variant, of_variant in runs.items():
        if [run.seed for run in of_variant] != expected:
            raise ValueError(
                f"{variant}: found runs with the seeds {[run.seed for run in of_variant]}, expected {expected} as in "
                f"{DEFAULT_VARIANT}. Only runs with the same seeds can be compared."
            )
