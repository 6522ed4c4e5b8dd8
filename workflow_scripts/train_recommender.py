"""Trains a recommender of RecBole; exports its weights and vectors, and scores every candidate with it."""

from functools import partial
from typing import TYPE_CHECKING

import pyarrow.compute as pc
import torch
from recbole.model.abstract_recommender import SequentialRecommender

from ilora.artifacts.parquet import read_table, write_table
from ilora.artifacts.provenance import write_sidecar
from ilora.artifacts.records import check_made_from
from ilora.artifacts.schemas import CANDIDATES, ITEMS, SEQUENCES
from ilora.artifacts.tensors import read_tensor, write_tensors
from ilora.progress import Progress, start_log
from ilora.recommenders.candidate_scores import candidate_matrix, score_candidates
from ilora.recommenders.export import item_embeddings, sequence_representations
from ilora.recommenders.padded_sequences import pad_sequences
from ilora.recommenders.predictions import scored_predictions
from ilora.recommenders.saved_model import ModelShape, save_model
from ilora.recommenders.settings import ARCHITECTURES, TrainingSettings
from ilora.recommenders.training import total_steps, train
from ilora.recommenders.validation import validation_sets

if TYPE_CHECKING:
    from snakemake.script import Snakemake

    snakemake: Snakemake


def read_titles(path: str | None, catalogue: str) -> torch.Tensor | None:
    """Return the titles' vectors, float32 (items, width), of a recommender that reads them."""
    if path is None:
        return None
    check_made_from(path, [catalogue])
    return read_tensor(path, "title_vectors")


def untrained_model(shape: ModelShape, titles: torch.Tensor | None) -> SequentialRecommender:
    """Return a new model, which has read the titles if there are any."""
    model = shape.build()
    if titles is not None:
        model.item_embedding.read(titles)
    return model


def main(snakemake: "Snakemake") -> None:
    """Write the model, its vectors of items and sequences, its predictions and its training log."""
    logger = start_log(snakemake.log[0])
    torch.set_num_threads(snakemake.threads)
    recommender, seed = snakemake.wildcards.recommender, int(snakemake.wildcards.seed)
    params, output = snakemake.params, snakemake.output
    sequences = read_table(snakemake.input.sequences, SEQUENCES)
    candidates = read_table(snakemake.input.candidates, CANDIDATES)
    titles = read_titles(snakemake.input.get("title_vectors"), snakemake.input.catalogue)
    architecture = dict(params.architecture)
    if titles is not None:
        architecture["title_width"] = titles.shape[1]
    shape = ModelShape(
        recommender=recommender,
        architecture=ARCHITECTURES[recommender](**architecture),
        embedding_size=params.embedding_size,
        items=read_table(snakemake.input.catalogue, ITEMS).num_rows,
        maximum_history=params.maximum_history,
    )
    settings = TrainingSettings(**params.training)
    limits = {"items": shape.items, "maximum_history": shape.maximum_history}
    training = pad_sequences(sequences.filter(pc.equal(sequences["split"], "train")), **limits)
    validation = validation_sets(sequences, candidates, **limits)
    with Progress(total_steps(settings, len(training)), f"training {recommender}, seed {seed}", logger) as progress:
        model, training_log = train(
            partial(untrained_model, shape, titles),
            training,
            validation,
            settings,
            seed=seed,
            on_step=lambda loss: progress.update(loss=loss),
        )

    embeddings = item_embeddings(model)
    representations = sequence_representations(model, pad_sequences(sequences, **limits))
    of_candidates = representations[candidates["sequence_id"].to_numpy()]
    scores = score_candidates(of_candidates, embeddings, candidate_matrix(candidates))

    write_table(scored_predictions(sequences, candidates, scores, recommender), output.predictions)
    save_model(model, shape, output.model)
    write_tensors({"item_embeddings": torch.from_numpy(embeddings)}, output.item_embeddings)
    write_tensors({"sequence_representations": torch.from_numpy(representations)}, output.sequence_representations)
    write_table(training_log, output.training_log)
    for path in output:
        write_sidecar(path, config={**dict(params.items()), "seed": seed}, inputs=snakemake.input)


main(snakemake)
