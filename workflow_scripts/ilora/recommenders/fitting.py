"""From the pipeline's tables to a trained recommender."""

import logging
import os
from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import torch
from recbole.model.abstract_recommender import SequentialRecommender

from ilora.artifacts.parquet import read_table
from ilora.artifacts.records import check_made_from
from ilora.artifacts.tensors import read_tensor
from ilora.progress import Progress
from ilora.recommenders.encoded_titles import EncodedTitles, EncoderTuning, TitleTokens
from ilora.recommenders.padded_sequences import pad_sequences
from ilora.recommenders.saved_model import ModelShape
from ilora.recommenders.settings import ARCHITECTURES, TrainingSettings
from ilora.recommenders.training import total_steps, train
from ilora.recommenders.validation import validation_sets
from ilora.recommenders.weight_decay import WEIGHT_DECAYS, chosen_weight_decay

PathName = str | os.PathLike[str]


def read_titles(path: PathName | None, catalogue: PathName) -> torch.Tensor | None:
    """Return the titles' vectors, float32 (items, width), of a recommender that reads them; None for another.

    Args:
        path: the file of the vectors, if there is one.
        catalogue: the titles, from which they must have been made.

    Raises:
        FileNotFoundError, ilora.artifacts.errors.ArtifactError: as `ilora.artifacts.tensors.read_tensor`, or if they
            were made from other titles.
    """
    if path is None:
        return None
    check_made_from(path, [catalogue])
    return read_tensor(path, "title_vectors")


def model_shape(
    recommender: str,
    architecture: Mapping[str, Any],
    titles: torch.Tensor | None,
    *,
    embedding_size: int,
    items: int,
    maximum_history: int,
) -> ModelShape:
    """Return what a recommender's model is built from.

    Args:
        recommender: its id.
        architecture: the settings of its section in the configuration.
        titles: the titles' vectors, float32 (items, width), of a recommender that reads them.
        embedding_size: of the items, and of the sequence representation.
        items: number of items in the data set.
        maximum_history: longest history.
    """
    settings = dict(architecture) if titles is None else {**architecture, "title_width": titles.shape[1]}
    return ModelShape(
        recommender=recommender,
        architecture=ARCHITECTURES[recommender](**settings),
        embedding_size=embedding_size,
        items=items,
        maximum_history=maximum_history,
    )


def resolved_settings(training: Mapping[str, Any], choice: str | os.PathLike[str] | None) -> TrainingSettings:
    """Return how to train; where the study has the L2 searched, with the value that was chosen.

    Args:
        training: the study's settings, without the L2 where it is searched.
        choice: a table of schema `ilora.recommenders.weight_decay.WEIGHT_DECAYS`; None where the study names the value.

    Raises:
        FileNotFoundError, ilora.artifacts.errors.ArtifactError: as `ilora.artifacts.parquet.read_table`.
    """
    if choice is None:
        return TrainingSettings(**training)
    return TrainingSettings(**training, weight_decay=chosen_weight_decay(read_table(choice, WEIGHT_DECAYS)))


def untrained_model(shape: ModelShape, titles: torch.Tensor | None) -> SequentialRecommender:
    """Return a new model, which has read the titles if there are any."""
    model = shape.build()
    if titles is not None:
        model.item_embedding.read(titles)
    return model


def untrained_model_with_encoder(
    shape: ModelShape, titles: torch.Tensor, encoder: Any, tokens: TitleTokens, tuning: EncoderTuning
) -> SequentialRecommender:
    """Return a new model that has read the titles, with the encoder inside that gave their vectors.

    Args:
        shape: of MoRec.
        titles: what the encoder makes of each title, float32 (items, h).
        encoder: a transformers model without a head.
        tokens: of the titles.
        tuning: how the encoder is trained.
    """
    model = untrained_model(shape, titles)
    model.item_embedding = EncodedTitles(model.item_embedding, titles, encoder, tokens, tuning)
    return model


def fit(
    build: Callable[[], SequentialRecommender],
    shape: ModelShape,
    settings: TrainingSettings,
    sequences: pa.Table,
    candidates: pa.Table,
    *,
    seed: int,
    logger: logging.Logger,
) -> tuple[SequentialRecommender, pa.Table]:
    """Train on the training split and stop on the candidate sets of the validation split; test rows are passed over.

    Args:
        build: makes the untrained model.
        shape: of the model.
        settings: how to train.
        sequences: table of the SEQUENCES schema.
        candidates: table of the CANDIDATES schema.
        seed: of initial weights, dropout and the order of the sequences.
        logger: where progress goes.

    Returns:
        The model and its training log, as `ilora.recommenders.training.train` gives them.

    Raises:
        FloatingPointError, ValueError: as `train`, `pad_sequences` and `validation_sets` raise them.
    """
    limits = {"items": shape.items, "maximum_history": shape.maximum_history}
    training = pad_sequences(sequences.filter(pc.equal(sequences["split"], "train")), **limits)
    validation = validation_sets(sequences, candidates, **limits)
    description = f"training {shape.recommender}, seed {seed}"
    with Progress(total_steps(settings, len(training)), description, logger) as progress:
        return train(
            build,
            training,
            validation,
            settings,
            seed=seed,
            on_step=lambda loss: progress.update(loss=loss),
        )
