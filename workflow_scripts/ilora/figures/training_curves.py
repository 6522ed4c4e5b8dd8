"""Training loss by step, raw and smoothed, and validation loss, for each method and seed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from ilora.artifacts.parquet import read_extended_table
from ilora.artifacts.schemas import TRAINING_LOG
from ilora.configuration.types import DEFAULT_VARIANT
from ilora.figures.declaration import Drawing, Figure
from ilora.layout import expand, parse_run
from ilora.plotting.labels import method_label, setting_label
from ilora.plotting.method_styles import method_colours
from ilora.plotting.style import COLUMN_WIDTH, new_figure
from ilora.reporting.declaration import Given, Wildcards, of_each_dataset

if TYPE_CHECKING:
    from matplotlib.figure import Figure as MatplotlibFigure

    from ilora.study.study import Study

#: Share of a log's rows that the running mean covers.
SMOOTHED_SHARE = 0.05

#: The drawn numbers: a row per logged step.
DRAWN = pa.schema(
    [
        pa.field("method", pa.string(), nullable=False),
        pa.field("seed", pa.int32(), nullable=False),
        pa.field("step", pa.int64(), nullable=False),
        pa.field("loss", pa.float64(), nullable=False),
        pa.field("smoothed_loss", pa.float64(), nullable=False),
        # Null where it was not measured.
        pa.field("validation_loss", pa.float64()),
    ]
)


def select_training_curves(logs: Sequence[tuple[str, int, pa.Table]]) -> pa.Table:
    """Return the drawn numbers, of the schema DRAWN.

    The smoothed loss is the centred running mean over `SMOOTHED_SHARE` of the rows, and over fewer at the ends.

    Args:
        logs: method, seed and training log of each run (columns step, loss and validation_loss; rows without a
            loss are ignored).

    Raises:
        ValueError: if a log holds no loss.
    """
    curves = []
    for method, seed, log in logs:
        curve = log.select(["step", "loss", "validation_loss"]).to_pandas().dropna(subset=["loss"]).sort_values("step")
        if curve.empty:
            raise ValueError(
                f"the training log of {method}, seed {seed}, holds no loss; expected a row per logged step."
            )
        window = max(1, round(SMOOTHED_SHARE * len(curve)))
        curve["smoothed_loss"] = curve["loss"].rolling(window, center=True, min_periods=1).mean()
        curves.append(curve.assign(method=method, seed=seed))
    return pa.Table.from_pandas(pd.concat(curves)[DRAWN.names], schema=DRAWN, preserve_index=False)


def draw_training_curves(drawn: pa.Table, title: str) -> MatplotlibFigure:
    """Return the figure: faint raw losses, a smoothed line for each seed, and dots for the validation loss.

    Args:
        drawn: from `select_training_curves`.
        title: data set and backbone.
    """
    frame = drawn.to_pandas()
    figure = new_figure(COLUMN_WIDTH, 2.4)
    axes = figure.add_subplot()
    colours = method_colours(list(frame["method"].unique()))
    for (method, _), curve in frame.groupby(["method", "seed"], sort=False):
        axes.plot(curve["step"], curve["loss"], color=colours[method], alpha=0.18, linewidth=0.5)
    for method, curves in frame.groupby("method", sort=False):
        for position, (_, curve) in enumerate(curves.groupby("seed", sort=False)):
            label = _legend_label(method, curves["seed"].nunique()) if position == 0 else None
            axes.plot(curve["step"], curve["smoothed_loss"], color=colours[method], label=label)
            measured = curve.dropna(subset=["validation_loss"])
            axes.plot(measured["step"], measured["validation_loss"], "o--", color=colours[method], markersize=2)
    axes.set_ylim(0, 1.15 * frame[["smoothed_loss", "validation_loss"]].max().max())
    axes.set_xlim(left=0)
    axes.margins(x=0.01)
    axes.set_xlabel("Optimizer step")
    axes.set_ylabel("Loss (nats per answer token)")
    axes.legend(loc="upper right")
    figure.suptitle(title, fontsize=7, ha="left", x=0.01)
    return figure


def _legend_label(method: str, seeds: int) -> str:
    return method_label(method) if seeds == 1 else f"{method_label(method)} ({seeds} seeds)"


def _settings(study: Study, wildcards: Wildcards) -> dict[str, Any]:
    return {"backbone": study.backbone_id}


def _caption(study: Study, wildcards: Wildcards) -> str:
    seeds = ", ".join(map(str, study.config.seeds))
    return (
        f"Whether fine-tuning on {wildcards['dataset']} has converged, and how the methods' losses compare. Faint: "
        "cross-entropy of the answer tokens as logged. Solid: its centred running mean over 5 % of the log. Dots "
        "joined by dashes: the loss on the validation split, if ``validation_every`` is set. Protocol "
        f"{study.config.protocol}, backbone ``{study.backbone_id}``, one line for each of the seeds {seeds}. There is "
        "no interval: each line is one training."
    )


def _make(given: Given) -> Drawing:
    logs = [(parse_run(path), read_extended_table(path, TRAINING_LOG)) for path in given.inputs["logs"]]
    drawn = select_training_curves([(run.method, run.seed, log) for run, log in logs])
    title = setting_label(given.wildcards["dataset"], given.settings["backbone"])
    return Drawing(drawn, draw_training_curves(drawn, title))


def _logs(study: Study) -> list[str]:
    return expand(
        study.layout.tuning_log,
        protocol=study.config.protocol,
        backbone=study.backbone_id,
        method=study.tuned_methods,
        variant=DEFAULT_VARIANT,
        seed=study.config.seeds,
    )


FIGURE = Figure(
    path="{dataset}/training_curves",
    inputs=lambda study: {"logs": _logs(study)},
    settings=_settings,
    caption=_caption,
    labels=lambda study: {"figure": "training curves", "data set": "{dataset}", "backbone": study.backbone_id},
    wildcards=lambda study: of_each_dataset(study) if study.tuned_methods else [],
    make=_make,
)
