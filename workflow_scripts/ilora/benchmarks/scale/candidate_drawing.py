"""Drawing of candidate sets against NumPy and Parquet: part ``candidates``."""

from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ilora.artifacts.parquet import write_table
from ilora.benchmarks.claims import compare_times
from ilora.benchmarks.scale.report import Part
from ilora.benchmarks.scale.sizes import Sizes
from ilora.benchmarks.sequences import BOUNDS, SEED, made_up_log
from ilora.data.protocols import draw_candidate_sets, make_sequences

_SIZE = 20


def measure_candidates(sizes: Sizes, folder: Path) -> Part:
    """Compare drawing, and drawing and writing, with drawing as many integers by NumPy and writing the sets."""
    log = sizes.candidate_log
    interactions = made_up_log(log.users, log.items_per_user, log.items)
    sequences = make_sequences(interactions, "chronological", split_seed=SEED, **BOUNDS)
    sequences = sequences.filter(pc.not_equal(sequences["split"], "train"))

    def draw() -> pa.Table:
        return draw_candidate_sets(
            sequences, interactions, "chronological", number_of_items=log.items, size=_SIZE, draws=1, seed=SEED
        )

    table = draw()

    def draw_integers_and_write() -> None:
        np.random.default_rng(SEED).integers(log.items, size=(table.num_rows, _SIZE))
        write_table(table, folder / "reference.parquet")

    name = f"candidate_sets_{table.num_rows}"
    compared = partial(
        compare_times, reference=draw_integers_and_write, target=3.0, repeats=sizes.candidate_pairs, warm_up=1
    )
    return Part(
        claims=[
            compared(f"{name}_drawn_vs_numpy_and_parquet", draw),
            compared(
                f"{name}_drawn_and_written_vs_numpy_and_parquet", lambda: write_table(draw(), folder / "ours.parquet")
            ),
        ],
        notes=["Reference: NumPy draws as many integers, and Parquet writes the candidate sets; the sum of both."],
    )
