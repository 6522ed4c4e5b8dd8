"""Training a recommender on the pipeline's tables."""

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
    """Return the shape of a recommender's model.

    Args:
        recommender: id of the recommender.
        inputs: data set, with the title vectors if the recommender reads them.
        architecture: the study's values for its section of the configuration.
        embedding_size: width of item embeddings and sequence representations.
        maximum_history: length of the longest history.
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
    """Return the training settings; if the study searches the L2, with the chosen value.

    Args:
        training: the study's values for `TrainingSettings`, without the L2 if it is searched.
        choice: table of the schema `ilora.recommenders.weight_decay.WEIGHT_DECAYS`; None if the study sets the value.

    Raises:
        FileNotFoundError, ilora.artifacts.errors.ArtifactError: see `ilora.artifacts.parquet.read_table`.
    """
    if choice is None:
        return TrainingSettings.read(training)
    chosen = chosen_weight_decay(read_table(choice, WEIGHT_DECAYS))
    return TrainingSettings.read({**training, "weight_decay": chosen})


def untrained_model(shape: ModelShape, titles: torch.Tensor | None) -> SequentialRecommender:
    """Return a new model, which has read the title vectors if there are any."""
    model = shape.build()
    if titles is not None:
        model.item_embedding.read(titles)
    return model


def untrained_model_with_encoder(
    shape: ModelShape, titles: torch.Tensor, encoder: Any, tokens: TitleTokens, tuning: EncoderTuning
) -> SequentialRecommender:
    """Return a new model with a trainable encoder of titles.

    Args:
        shape: shape of MoRec.
        titles: the encoder's vector of each title, float32 (items, h).
        encoder: transformers model without a head.
        tokens: tokens of the titles.
        tuning: settings of the encoder's training.
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
    """Train on the training split with early stopping on the validation split; test sequences are not used.

    Args:
        build: factory of the untrained model.
        shape: shape of the model.
        settings: training settings.
        inputs: data set.
        seed: random seed of initial weights, dropout, the order of the sequences and CaseQ's pseudo-sequences.
        logger: logger for progress.
        device: device for the computation.

    Returns:
        The model and its training log, see `ilora.recommenders.training_loop.train`.

    Raises:
        FloatingPointError, ValueError: see `train`, `pad_sequences` and `validation_sets`.
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
    """Return a SASRec whose table has a trained MoRec's item embeddings, and its shape.

    Its scores are identical, and it loads without transformers and without the encoder. The encoder is not kept, so
    titles outside the data set can no longer be embedded.

    Args:
        model: trained MoRec with `ilora.recommenders.encoded_titles.EncodedTitles`.
        shape: shape of MoRec.
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
