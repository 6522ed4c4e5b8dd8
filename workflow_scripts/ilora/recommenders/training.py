"""From the pipeline's tables to a trained recommender."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import torch
from recbole.model.abstract_recommender import SequentialRecommender

from ilora.artifacts.parquet import read_table
from ilora.configuration.sections.recommender_values import SASRecSection
from ilora.progress import Progress
from ilora.recommenders.encoded_titles import EncodedTitles, EncoderTuning, TitleTokens
from ilora.recommenders.inputs import PathName, RecommenderInputs
from ilora.recommenders.padded_sequences import pad_sequences
from ilora.recommenders.saved_model import ModelShape
from ilora.recommenders.settings import ARCHITECTURES, TrainingSettings
from ilora.recommenders.training_loop import CPU, total_steps, train
from ilora.recommenders.validation import validation_sets
from ilora.recommenders.weight_decay import WEIGHT_DECAYS, chosen_weight_decay

_EMBEDDING = "item_embedding."


def model_shape(
    recommender: str,
    inputs: RecommenderInputs,
    *,
    architecture: Mapping[str, Any],
    embedding_size: int,
    maximum_history: int,
) -> ModelShape:
    """Return what a recommender's model is built from.

    Args:
        recommender: its id.
        inputs: the data set, with the titles' vectors if the recommender reads them.
        architecture: what the study says of its section in the configuration.
        embedding_size: of the items, and of the sequence representation.
        maximum_history: longest history.
    """
    titles = inputs.title_vectors
    settings = architecture if titles is None else {**architecture, "title_width": titles.shape[1]}
    return ModelShape(
        recommender=recommender,
        architecture=ARCHITECTURES[recommender].read(settings),
        embedding_size=embedding_size,
        items=len(inputs.titles),
        maximum_history=maximum_history,
    )


def resolved_settings(training: Mapping[str, Any], choice: PathName | None) -> TrainingSettings:
    """Return how to train; where the study has the L2 searched, with the value that was chosen.

    Args:
        training: what the study says of `TrainingSettings`, without the L2 where it is searched.
        choice: a table of schema `ilora.recommenders.weight_decay.WEIGHT_DECAYS`; None where the study names the value.

    Raises:
        FileNotFoundError, ilora.artifacts.errors.ArtifactError: as `ilora.artifacts.parquet.read_table`.
    """
    if choice is None:
        return TrainingSettings.read(training)
    chosen = chosen_weight_decay(read_table(choice, WEIGHT_DECAYS))
    return TrainingSettings.read({**training, "weight_decay": chosen})


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


def train_recommender(
    build: Callable[[], SequentialRecommender],
    shape: ModelShape,
    settings: TrainingSettings,
    inputs: RecommenderInputs,
    *,
    seed: int,
    logger: logging.Logger,
    device: torch.device = CPU,
) -> tuple[SequentialRecommender, pa.Table]:
    """Train on the training split and stop on the candidate sets of the validation split; test rows are passed over.

    Args:
        build: makes the untrained model.
        shape: of the model.
        settings: how to train.
        inputs: the data set.
        seed: of initial weights, dropout, the order of the sequences and CaseQ's pseudo-sequences.
        logger: where progress goes.
        device: where to compute.

    Returns:
        The model and its training log, as `ilora.recommenders.training_loop.train` gives them.

    Raises:
        FloatingPointError, ValueError: as `train`, `pad_sequences` and `validation_sets` raise them.
    """
    limits = {"items": shape.items, "maximum_history": shape.maximum_history}
    of_training = inputs.sequences.filter(pc.equal(inputs.sequences["split"], "train"))
    training = pad_sequences(of_training, **limits)
    training = training.rows(torch.arange(len(training)).repeat(inputs.passes))
    validation = validation_sets(inputs.sequences, inputs.candidates, **limits)
    description = f"training {shape.recommender}, seed {seed}"
    with Progress(total_steps(settings, len(training)), description, logger) as progress:
        return train(
            build,
            training,
            validation,
            settings,
            seed=seed,
            on_step=lambda loss: progress.update(loss=loss),
            device=device,
        )


def plain_model(model: SequentialRecommender, shape: ModelShape) -> tuple[SequentialRecommender, ModelShape]:
    """Return the SASRec whose table holds what a trained MoRec makes of each title, and its shape.

    It scores exactly alike, and loads without transformers and without the encoder, which is not kept: of titles that
    are not in the data set nothing can be said anymore.

    Args:
        model: MoRec with `ilora.recommenders.encoded_titles.EncodedTitles`, trained.
        shape: of MoRec.
    """
    architecture = shape.architecture
    assert isinstance(architecture, SASRecSection)
    sasrec = SASRecSection(**architecture.model_dump(include=set(SASRecSection.model_fields)))
    plain_shape = ModelShape("sasrec", sasrec, shape.embedding_size, shape.items, shape.maximum_history)
    with torch.random.fork_rng(devices=[]):
        plain = plain_shape.build()
    weights = {name: tensor for name, tensor in model.state_dict().items() if not name.startswith(_EMBEDDING)}
    plain.load_state_dict({**weights, f"{_EMBEDDING}weight": model.eval().item_embedding.weight.detach()})
    return plain.eval(), plain_shape
