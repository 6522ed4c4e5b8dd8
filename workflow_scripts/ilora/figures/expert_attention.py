"""The experts' weights of a few sequences as stacked bars (Figure 3c of arXiv 2408.10159).

The weights are the omega of Eq. 11 there: the softmax of the gate, one per expert.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ilora.analysis.schemas import GATES
from ilora.artifacts.parquet import read_table
from ilora.figures.declaration import Drawing, Figure
from ilora.plotting.labels import method_label, setting_label
from ilora.plotting.style import COLUMN_WIDTH, fills, new_figure
from ilora.reporting.declaration import Given, Wildcards, of_each_dataset
from ilora.reporting.sources import of_first_seed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as MatplotlibFigure

    from ilora.study.study import Study

#: Seed of the choice of test sequences, the same in every study.
SEED = 0

#: The drawn numbers, in the order of the figure: a row per sequence and expert.
EXPERT_ATTENTION = pa.schema(
    [
        pa.field("sequence_id", pa.int32(), nullable=False),
        pa.field("expert", pa.int32(), nullable=False),
        pa.field("weight", pa.float64(), nullable=False),
    ]
)

#: Tolerance of the sum of one sequence's weights; a softmax in bfloat16 stays within it.
SUM_TOLERANCE = 1e-2

#: Smaller weights are drawn without a number, since their segment is too narrow.
SMALLEST_NUMBER = 0.115


def select_expert_attention(gates: pa.Table, sequences: int, seed: int) -> pa.Table:
    """Return the experts' weights of test sequences that are chosen without looking at the weights.

    Each test sequence gets a key, the SHA-256 of "expert_attention", `seed` and its id. The sequences with the
    smallest keys are shown, in ascending order of their ids, so the choice depends only on the seed and the ids.

    Args:
        gates: columns sequence_id int32, split string, expert int32 (from 0), weight float64.
        sequences: number of sequences to choose.
        seed: seed of the choice.

    Returns:
        A table of the schema EXPERT_ATTENTION, sorted by sequence and expert.

    Raises:
        ValueError: if there are fewer test sequences, if a sequence lacks an expert or has one twice, or if its
            weights do not sum to 1.
    """
    test = gates.filter(pc.equal(gates["split"], "test"))
    identifiers = pc.unique(test["sequence_id"]).to_pylist()
    if len(identifiers) < sequences:
        raise ValueError(f"the gates hold {len(identifiers)} test sequences, expected at least {sequences}.")
    chosen = sorted(identifiers, key=lambda identifier: _key(seed, identifier))[:sequences]
    shown = test.filter(pc.is_in(test["sequence_id"], pa.array(chosen, pa.int32())))
    shown = shown.select(EXPERT_ATTENTION.names).sort_by([("sequence_id", "ascending"), ("expert", "ascending")])
    _check_weights(shown, sequences)
    return shown.cast(EXPERT_ATTENTION)


def draw_expert_attention(drawn: pa.Table, title: str) -> MatplotlibFigure:
    """Return the figure: a bar for each sequence, in the table's order from the top.

    Args:
        drawn: of the schema EXPERT_ATTENTION, from `select_expert_attention`.
        title: method, seed, data set and backbone.

    Raises:
        ValueError: if there are more experts than colours in the palette.
    """
    weights = drawn.to_pandas().pivot(index="sequence_id", columns="expert", values="weight")
    figure = new_figure(COLUMN_WIDTH, 1.15 + 0.19 * len(weights))
    axes = figure.add_subplot()
    left = 0.0 * weights.iloc[:, 0].to_numpy()
    for (expert, column), (fill, text) in zip(weights.items(), fills(len(weights.columns)), strict=True):
        widths = column.to_numpy()
        axes.barh(range(len(weights)), widths, left=left, color=fill, height=0.78, label=f"expert {expert + 1}")
        _write_numbers(axes, left, widths, text)
        left = left + widths
    axes.set_yticks(range(len(weights)), [str(sequence) for sequence in weights.index])
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_xlabel(r"Expert weight $\omega_k$ (they sum to 1)")
    axes.set_ylabel("Test sequence (id)")
    figure.suptitle(title, fontsize=7, ha="left", x=0.01)
    figure.legend(loc="outside lower center", ncols=min(4, len(weights.columns)), handlelength=0.9, columnspacing=1.0)
    return figure


def _write_numbers(axes: Axes, left: NDArray, widths: NDArray, colour: str) -> None:
    for place, (start, width) in enumerate(zip(left, widths, strict=True)):
        if width >= SMALLEST_NUMBER:
            axes.text(start + width / 2, place, f"{width:.2f}", color=colour, ha="center", va="center", fontsize=6)


def _key(seed: int, sequence: int) -> str:
    return hashlib.sha256(f"expert_attention/{seed}/{sequence}".encode()).hexdigest()


def _check_weights(shown: pa.Table, sequences: int) -> None:
    experts = len(pc.unique(shown["expert"]))
    expected = np.tile(np.arange(experts), sequences)
    if not np.array_equal(shown["expert"].to_numpy(), expected):
        raise ValueError(f"the gates do not hold each of the experts 0 to {experts - 1} once for every sequence.")
    sums = shown["weight"].to_numpy().reshape(sequences, experts).sum(axis=1)
    if not (np.abs(sums - 1.0) <= SUM_TOLERANCE).all():
        raise ValueError(f"the experts' weights of a sequence sum to {sums[np.abs(sums - 1.0).argmax()]}, expected 1.")


def _settings(study: Study, wildcards: Wildcards) -> dict[str, Any]:
    return {
        "sequences": study.config.figures.expert_attention_sequences,
        "seed": SEED,
        "of_seed": study.config.seeds[0],
        "backbone": study.backbone_id,
    }


def _caption(study: Study, wildcards: Wildcards) -> str:
    settings = _settings(study, wildcards)
    return (
        f"Whether iLoRA's gate mixes its experts differently for different sequences of {wildcards['dataset']}. Each "
        "bar is the weights of one sequence; they sum to 1. "
        f"The {settings['sequences']} test sequences were chosen by a seeded hash of their ids (seed {SEED}), without "
        f"looking at their weights (protocol {study.config.protocol}, backbone ``{settings['backbone']}``, seed "
        f"{settings['of_seed']}). The weights are exact for this gate, which is of one training, so they have no "
        "interval."
    )


def _make(given: Given) -> Drawing:
    settings = given.settings
    drawn = select_expert_attention(read_table(given.inputs["gates"], GATES), settings["sequences"], settings["seed"])
    setting = setting_label(given.wildcards["dataset"], settings["backbone"])
    title = f"{method_label('ilora')}, seed {settings['of_seed']}\n{setting}"
    return Drawing(drawn, draw_expert_attention(drawn, title))


FIGURE = Figure(
    path="{dataset}/expert_attention",
    inputs=lambda study: {"gates": of_first_seed(study, study.layout.gates, "ilora")},
    settings=_settings,
    caption=_caption,
    labels=lambda study: {"figure": "expert attention", "data set": "{dataset}", "backbone": study.backbone_id},
    wildcards=lambda study: of_each_dataset(study) if "ilora" in study.tuned_methods else [],
    make=_make,
)
