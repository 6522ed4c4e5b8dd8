"""Training loss against the step, raw and smoothed, for each method and seed."""

from collections.abc import Sequence

import pandas as pd
import pyarrow as pa
from matplotlib.figure import Figure

from ilora.plotting.labels import method_label
from ilora.plotting.style import BLUE, COLUMN_WIDTH, GREEN, ORANGE, PURPLE, VERMILLION, new_figure

#: The running mean covers this share of a log's rows.
SMOOTHED_SHARE = 0.05

_COLOURS = {"ilora": VERMILLION, "llara": BLUE}
_OTHER_COLOURS = (GREEN, PURPLE, ORANGE)

#: What is drawn: a row per logged step.
DRAWN = pa.schema(
    [
        pa.field("method", pa.string(), nullable=False),
        pa.field("seed", pa.int32(), nullable=False),
        pa.field("step", pa.int64(), nullable=False),
        pa.field("loss", pa.float64(), nullable=False),
        pa.field("smoothed_loss", pa.float64(), nullable=False),
    ]
)


def select_training_curves(logs: Sequence[tuple[str, int, pa.Table]]) -> pa.Table:
    """Return what the figure shows, of the schema DRAWN.

    The smoothed loss is the centred running mean over `SMOOTHED_SHARE` of the rows, over fewer of them at the
    ends.

    Args:
        logs: method, seed and training log (columns step and loss; rows without a loss are left out) of each
            run.

    Raises:
        ValueError: a log holds no loss at all.
    """
    curves = []
    for method, seed, log in logs:
        curve = log.select(["step", "loss"]).to_pandas().dropna(subset=["loss"]).sort_values("step")
        if curve.empty:
            raise ValueError(
                f"the training log of {method}, seed {seed}, holds no loss; expected a row per logged step."
            )
        window = max(1, round(SMOOTHED_SHARE * len(curve)))
        curve["smoothed_loss"] = curve["loss"].rolling(window, center=True, min_periods=1).mean()
        curves.append(curve.assign(method=method, seed=seed))
    return pa.Table.from_pandas(pd.concat(curves)[DRAWN.names], schema=DRAWN, preserve_index=False)


def draw_training_curves(drawn: pa.Table, title: str) -> Figure:
    """Return the figure of a table of the schema DRAWN: faint raw losses under one smoothed line per seed.

    Args:
        drawn: from `select_training_curves`.
        title: which data set and backbone these are.
    """
    frame = drawn.to_pandas()
    figure = new_figure(COLUMN_WIDTH, 2.4)
    axes = figure.add_subplot()
    colours = _colours(list(frame["method"].unique()))
    for (method, _), curve in frame.groupby(["method", "seed"], sort=False):
        axes.plot(curve["step"], curve["loss"], color=colours[method], alpha=0.18, linewidth=0.5)
    for method, curves in frame.groupby("method", sort=False):
        for position, (_, curve) in enumerate(curves.groupby("seed", sort=False)):
            label = _legend_label(method, curves["seed"].nunique()) if position == 0 else None
            axes.plot(curve["step"], curve["smoothed_loss"], color=colours[method], label=label)
    axes.set_ylim(0, 1.15 * frame["smoothed_loss"].max())
    axes.set_xlim(left=0)
    axes.margins(x=0.01)
    axes.set_xlabel("Optimizer step")
    axes.set_ylabel("Loss (nats per answer token)")
    axes.legend(loc="upper right")
    figure.suptitle(title, fontsize=7, ha="left", x=0.01)
    return figure


def _colours(methods: list[str]) -> dict[str, str]:
    others = iter(_OTHER_COLOURS)
    return {method: _COLOURS.get(method) or next(others) for method in methods}


def _legend_label(method: str, seeds: int) -> str:
    return method_label(method) if seeds == 1 else f"{method_label(method)} ({seeds} seeds)"
