"""Trains a recommender of RecBole; exports its weights and vectors, and scores every candidate with it."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import torch

from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.provenance import write_sidecar
from ilora.artifacts.schemas import CANDIDATES, ITEMS, SEQUENCES
from ilora.artifacts.tensors import write_tensors
from ilora.progress import start_log
from ilora.recommenders.candidate_scores import candidate_matrix, score_candidates
from ilora.recommenders.export import item_embeddings, sequence_representations
from ilora.recommenders.fitting import fit, model_shape, read_titles
from ilora.recommenders.padded_sequences import pad_sequences
from ilora.recommenders.predictions import scored_predictions
from ilora.recommenders.saved_model import save_model
from ilora.recommenders.settings import TrainingSettings
from ilora.recommenders.weight_decay import WEIGHT_DECAYS, chosen_weight_decay

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def training_settings(training: dict[str, Any], choice: str | None) -> TrainingSettings:
    """Return how to train; where the study has the L2 searched, with the value that was chosen."""
    if choice is None:
        return TrainingSettings(**training)
    return TrainingSettings(**training, weight_decay=chosen_weight_decay(read_table(choice, WEIGHT_DECAYS)))


def main(snakemake: "Snakemake") -> None:
    """Write the model, its vectors of items and sequences, its predictions and its training log."""
    logger = start_log(snakemake.log[0])
    torch.set_num_threads(snakemake.threads)
    recommender, seed = snakemake.wildcards.recommender, int(snakemake.wildcards.seed)
    params, output = snakemake.params, snakemake.output
    sequences = read_table(snakemake.input.sequences, SEQUENCES)
    candidates = read_table(snakemake.input.candidates, CANDIDATES)
    titles = read_titles(snakemake.input.get("title_vectors"))
    shape = model_shape(
        recommender,
        params.architecture,
        titles,
        embedding_size=params.embedding_size,
        items=read_table(snakemake.input.catalogue, ITEMS).num_rows,
        maximum_history=params.maximum_history,
    )
    settings = training_settings(params.training, snakemake.input.get("weight_decay"))
    model, training_log = fit(shape, titles, settings, sequences, candidates, seed=seed, logger=logger)

    embeddings = item_embeddings(model)
    padded = pad_sequences(sequences, items=shape.items, maximum_history=shape.maximum_history)
    representations = sequence_representations(model, padded)
    of_candidates = representations[candidates["sequence_id"].to_numpy()]
    scores = score_candidates(of_candidates, embeddings, candidate_matrix(candidates))

    write_table(scored_predictions(sequences, candidates, scores, recommender), output.predictions)
    save_model(model, shape, output.model)
    write_tensors({"item_embeddings": torch.from_numpy(embeddings)}, output.item_embeddings)
    write_tensors({"sequence_representations": torch.from_numpy(representations)}, output.sequence_representations)
    write_table(training_log, output.training_log)
    config = {**dict(params.items()), "training": asdict(settings), "seed": seed}
    for path in output:
        write_sidecar(path, config=config, inputs=snakemake.input)


main(snakemake)
