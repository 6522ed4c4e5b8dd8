"""Answers short histories with a recommender that was trained with whole ones."""

from typing import TYPE_CHECKING

import torch

from ilora.artifacts.provenance import provenance_of
from ilora.artifacts.tensors import read_tensor
from ilora.progress import start_log
from ilora.recommenders.export import export_short_histories
from ilora.recommenders.inputs import read_recommender_inputs
from ilora.recommenders.saved_model import load_model

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write the vectors of items and sequences, and the predictions."""
    start_log(snakemake.log[0])
    provenance = provenance_of(snakemake)
    torch.set_num_threads(snakemake.threads)
    files = snakemake.input
    inputs = read_recommender_inputs(files.catalogue, files.sequences, files.candidates, None)
    model, shape = load_model(files.model)
    if shape.items != len(inputs.titles):
        raise ValueError(
            f"{files.model}: found a recommender of {shape.items} items, expected the {len(inputs.titles)} of "
            f"{files.catalogue}: it was trained on other data. Delete it and run the workflow again."
        )
    trained = read_tensor(files.trained_representations, "sequence_representations").numpy()
    export_short_histories(model, shape, trained, inputs, snakemake.wildcards.recommender, snakemake.output)
    provenance.record(*snakemake.output)


main(snakemake)
