"""Training of a generator with the training loop of the language models."""

import math
from dataclasses import dataclass

import pyarrow as pa
import torch

from ilora.artifacts.schemas import TRAINING_LOG
from ilora.data.sequences import SequenceTable
from ilora.generative.examples import IdExamples, ShuffledExamples, collate
from ilora.generative.generator import Generator, GeneratorShape
from ilora.generative.quantisation import derived_seed
from ilora.generative.semantic_ids import SemanticIds
from ilora.llm.training.checkpoints import Checkpointing
from ilora.llm.training.loop import Hooks, LogRow, LoopSettings, ParameterGroup, Schedule, Validation, train

#: Training log of a generator. The validation loss is present in rows in which it was measured.
GENERATOR_LOG = pa.schema([*TRAINING_LOG, pa.field("validation_loss", pa.float64())])

_WEIGHTS = 3
"""Purpose of seeds derived in this module."""


@dataclass(frozen=True)
class TrainedGenerator:
    """The result of training.

    Attributes:
        model: generator with the lowest validation loss, in evaluation mode.
        log: training log.
    """

    model: Generator
    log: list[LogRow]


def examples_of(sequences: SequenceTable, split: str, ids: SemanticIds, shape: GeneratorShape) -> IdExamples:
    """Return the sequences of one split in tokens.

    Raises:
        ValueError: there are none, or the ids do not match the vocabulary.
    """
    rows = sequences.rows(split)
    if not len(rows):
        raise ValueError(f"sequences: found none of the split {split}, expected at least one")
    tokens = shape.vocabulary.item_tokens(ids)
    return IdExamples(sequences, rows, tokens, shape.vocabulary, shape.values.maximum_history)


def total_steps(shape: GeneratorShape, sequences: int) -> int:
    """Return the number of steps of a training without early stopping."""
    return math.ceil(sequences * shape.values.epochs / shape.values.batch_size)


def train_generator(
    shape: GeneratorShape,
    sequences: SequenceTable,
    ids: SemanticIds,
    *,
    seed: int,
    description: str,
    checkpointing: Checkpointing,
) -> TrainedGenerator:
    """Train a new generator on the training split with early stopping on the loss of the validation split.

    Args:
        shape: shape of the generator.
        sequences: sequences of all splits; those of the test split are not used.
        ids: ids of the items.
        seed: random seed of initial weights, dropout and the order of the sequences.
        description: description for the log and the progress display.
        checkpointing: location and frequency of checkpoints, from which a killed training resumes.

    Raises:
        FloatingPointError, ilora.endings.Interrupted: see `ilora.llm.training.loop.train`.
        ValueError: see `examples_of`.
    """
    values = shape.values
    training, validation = (examples_of(sequences, split, ids, shape) for split in ("train", "val"))
    steps = total_steps(shape, len(training))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derived_seed(seed, _WEIGHTS))
        model = Generator(shape)
        log = train(
            model,
            ShuffledExamples(training, steps * values.batch_size, seed),
            collate,
            [ParameterGroup(list(model.parameters()), values.learning_rate, values.weight_decay)],
            LoopSettings(
                description=description,
                schedule=Schedule(steps, round(values.warmup_fraction * steps)),
                batch_size=values.batch_size,
                seed=seed,
                adam_beta2=0.999,
                log_every=values.validation_every,
                steps_per_epoch=len(training) / values.batch_size,
            ),
            Hooks(
                checkpointing=checkpointing,
                validation=Validation(validation, min(values.validation_every, steps), values.patience),
            ),
        )
    return TrainedGenerator(model.eval(), log)


def generator_log_table(log: list[LogRow]) -> pa.Table:
    """Return the log as a table of the schema `GENERATOR_LOG`."""
    return pa.Table.from_pylist(
        [{name: getattr(row, name) for name in GENERATOR_LOG.names} for row in log], schema=GENERATOR_LOG
    )
