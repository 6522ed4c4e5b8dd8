"""The output files of a trained recommender: weights, item and sequence vectors, predictions, training log."""

from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import torch
from recbole.model.abstract_recommender import SequentialRecommender

from ilora.artifacts.parquet import write_table
from ilora.artifacts.tensors import write_tensors
from ilora.predictions.building import scored_predictions
from ilora.predictions.scores import candidate_matrix, score_candidates
from ilora.recommenders.inputs import RecommenderInputs
from ilora.recommenders.models import item_embeddings, sequence_representations
from ilora.recommenders.padded_sequences import pad_sequences
from ilora.recommenders.saved_model import ModelShape, save_model

_Vectors = npt.NDArray[np.float32]


class AnswerFiles(Protocol):
    """The paths of the files that a recommender writes for a table of sequences."""

    item_embeddings: str
    sequence_representations: str
    predictions: str


class RecommenderFiles(AnswerFiles, Protocol):
    """The same with those that its training leaves."""

    model: str
    training_log: str


def export_recommender(
    model: SequentialRecommender,
    shape: ModelShape,
    training_log: pa.Table,
    inputs: RecommenderInputs,
    method: str,
    files: RecommenderFiles,
) -> None:
    """Write all files of a trained recommender; scores are computed from the exported vectors.

    Args:
        model: trained model.
        shape: shape of the model.
        training_log: log of its training.
        inputs: data set, with the sequences of all splits.
        method: method id in its predictions.
        files: paths of the output files.
    """
    _export_answers(*_vectors(model, shape, inputs), inputs, method, files)
    save_model(model, shape, files.model)
    write_table(training_log, files.training_log)


def export_short_histories(
    model: SequentialRecommender,
    shape: ModelShape,
    trained: _Vectors,
    inputs: RecommenderInputs,
    method: str,
    files: AnswerFiles,
) -> None:
    """Write what a recommender makes of a data set whose held-out histories were cut after its training.

    Args:
        model: trained.
        shape: what it is built from.
        trained: its vectors of the sequences with whole histories, whose training windows are the same, float32
            [sequences, d].
        inputs: the data set, with the sequences of all splits.
        method: the id that its predictions carry.
        files: their paths.

    Raises:
        ValueError: the vectors are of another number of sequences.
    """
    if len(trained) != inputs.sequences.num_rows:
        raise ValueError(
            f"found vectors of {len(trained)} sequences with whole histories, expected the "
            f"{inputs.sequences.num_rows} of which some were cut. Run the workflow again to make them anew."
        )
    is_held_out = pc.not_equal(inputs.sequences["split"], "train")
    padded = pad_sequences(inputs.sequences.filter(is_held_out), shape.items, shape.maximum_history)
    representations = trained.copy()
    representations[is_held_out.to_numpy()] = sequence_representations(model, padded)
    _export_answers(item_embeddings(model), representations, inputs, method, files)


def _export_answers(
    embeddings: _Vectors, representations: _Vectors, inputs: RecommenderInputs, method: str, files: AnswerFiles
) -> None:
    write_table(_predictions(embeddings, representations, inputs, method), files.predictions)
    write_tensors({"item_embeddings": torch.from_numpy(embeddings)}, files.item_embeddings)
    write_tensors({"sequence_representations": torch.from_numpy(representations)}, files.sequence_representations)


def recommender_predictions(
    model: SequentialRecommender, shape: ModelShape, inputs: RecommenderInputs, method: str
) -> pa.Table:
    """Return the predictions of a trained recommender, as a table of the PREDICTIONS schema.

    Args:
        model: trained model.
        shape: shape of the model.
        inputs: data set, with the sequences of all splits.
        method: method id in the predictions.
    """
    return _predictions(*_vectors(model, shape, inputs), inputs, method)


def _vectors(model: SequentialRecommender, shape: ModelShape, inputs: RecommenderInputs) -> tuple[_Vectors, _Vectors]:
    """Return the vectors of the items and of the sequences."""
    padded = pad_sequences(inputs.sequences, items=shape.items, maximum_history=shape.maximum_history)
    return item_embeddings(model), sequence_representations(model, padded)


def _predictions(embeddings: _Vectors, representations: _Vectors, inputs: RecommenderInputs, method: str) -> pa.Table:
    candidates = inputs.candidates
    of_candidates = representations[candidates["sequence_id"].to_numpy()]
    scores = score_candidates(of_candidates, embeddings, candidate_matrix(candidates))
    return scored_predictions(inputs.sequences, candidates, scores, method)
