"""Score every candidate by the likelihood of its semantic id."""

from typing import TYPE_CHECKING

import torch

from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.provenance import provenance_of
from ilora.artifacts.schemas import CANDIDATES, SEQUENCES
from ilora.data.sequences import sequence_table
from ilora.generative.answering import predict_candidates
from ilora.generative.storage import load_generator, load_ids
from ilora.progress import Progress, start_log

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def main(snakemake: "Snakemake") -> None:
    """Write `predictions.parquet` of one training."""
    logger = start_log(snakemake.log[0])
    provenance = provenance_of(snakemake)
    torch.set_num_threads(snakemake.threads)
    files, method = snakemake.input, snakemake.wildcards.generator
    table, candidates = read_table(files.sequences, SEQUENCES), read_table(files.candidates, CANDIDATES)
    model, ids = load_generator(files.model), load_ids(files.semantic_ids)
    with Progress(candidates.num_rows, f"{method}: scoring candidates", logger) as progress:
        predictions = predict_candidates(model, ids, sequence_table(table), table, candidates, method, progress)
    write_table(predictions, snakemake.output.predictions)
    provenance.record(snakemake.output.predictions)


main(snakemake)
