"""Training loop of a recommender: RecBole's model and loss, with early stopping on our frozen candidate sets.

RecBole's own Trainer validates on candidates that it draws itself, only between epochs, and saves its best model as a
pickle.
"""

import hashlib
import logging
import math
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field

import pyarrow as pa
import torch
from recbole.model.abstract_recommender import SequentialRecommender

from ilora.artifacts.schemas import TRAINING_LOG
from ilora.recommenders import validation
from ilora.recommenders.caseq import CaseQ
from ilora.recommenders.denormals import flushed_denormals
from ilora.recommenders.losses import train_by
from ilora.recommenders.models import optimizer_for, training_loss, trim_padding
from ilora.recommenders.padded_sequences import PaddedSequences
from ilora.recommenders.settings import TrainingSettings

_LOG_SCHEMA = pa.schema(
    [
        *TRAINING_LOG,
        pa.field("validation_hit_ratio@1", pa.float64()),
        pa.field("validation_loss", pa.float64()),
    ]
)

_HIT_RATIO, _NDCG = "validation_hit_ratio@1", "validation_ndcg@10"
_NDCG_FIELD = pa.field(_NDCG, pa.float64())

#: Batches whose sequences are sorted by length together; transformers' length grouping has the same number.
_BATCHES_PER_GROUP = 50

CPU = torch.device("cpu")

logger = logging.getLogger(__name__)


def total_steps(settings: TrainingSettings, sequences: int) -> int:
    """Return the number of steps of a training without early stopping."""
    return settings.maximum_epochs * _steps_per_epoch(settings, sequences)


def train(
    build: Callable[[], SequentialRecommender],
    training: PaddedSequences,
    validation_sets: validation.ValidationSets,
    settings: TrainingSettings,
    *,
    seed: int,
    on_step: Callable[[float], object] = lambda loss: None,
    device: torch.device = CPU,
) -> tuple[SequentialRecommender, pa.Table]:
    """Train a new model until it no longer improves on validation, and return the best one.

    The best model is the one with the highest HitRatio@1 over the validation candidate sets or, depending on the
    settings, the highest NDCG@10 of the validation targets among all items; ties go to the earliest. On the CPU, the
    same arguments yield the same weights on the same machine with the same number of threads. The state of torch's
    global random generators is restored.

    Args:
        build: factory of the untrained model.
        training: training sequences.
        validation_sets: validation sequences and candidate sets for early stopping.
        settings: training settings.
        seed: random seed of initial weights, dropout, the order of the sequences and CaseQ's pseudo-sequences.
        on_step: called with the loss of each step.
        device: device for the computation.

    Returns:
        The model on the CPU, in evaluation mode, and its training log: one row per validation, with the mean training
        loss since the previous row, `validation_hit_ratio@1`, `validation_loss` and, if it is the criterion,
        `validation_ndcg@10`.

    Raises:
        FloatingPointError: the loss is not finite.
    """
    with torch.random.fork_rng(devices=[] if device == CPU else [device]), flushed_denormals():
        torch.manual_seed(_derived_seed(seed, "weights and dropout"))
        model = build().to(device)
        train_by(model, settings.loss)
        if isinstance(model, CaseQ):
            model.draws.manual_seed(_derived_seed(seed, "pseudo-sequences"))
        log = _fit(model, training, validation_sets, settings, seed, on_step)
    return model.to(CPU).eval(), log


@dataclass
class _EarlyStopping:
    """The best weights so far, and the number of validations since then."""

    patience: int
    best_score: float = -math.inf
    best_step: int = 0
    best_weights: dict[str, torch.Tensor] = field(default_factory=dict)
    without_improvement: int = 0

    def should_stop(self, model: SequentialRecommender, step: int, score: float) -> bool:
        """Record a validation's score; return whether patience is exhausted."""
        if score > self.best_score:
            self.best_score, self.best_step, self.without_improvement = score, step, 0
            self.best_weights = deepcopy(model.state_dict())
        else:
            self.without_improvement += 1
        return self.without_improvement >= self.patience


def _fit(
    model: SequentialRecommender,
    training: PaddedSequences,
    validation_sets: validation.ValidationSets,
    settings: TrainingSettings,
    seed: int,
    on_step: Callable[[float], object],
) -> pa.Table:
    optimizer = optimizer_for(model, settings.learning_rate, settings.weight_decay)
    steps_per_epoch = _steps_per_epoch(settings, len(training))
    validation_steps = _validation_steps(settings, steps_per_epoch)
    stopping = _EarlyStopping(settings.patience)
    measures = {_HIT_RATIO: validation.hit_ratio}
    if settings.validated_by == "full_ranking":
        measures[_NDCG] = validation.ndcg
    decisive = list(measures)[-1]
    log: list[dict[str, float]] = []
    losses: list[float] = []
    if settings.length_grouped:
        validation_sets = validation_sets.by_length()
    for step, drawn in enumerate(batches(training, settings, seed), start=1):
        batch = trim_padding(model, drawn) if settings.length_grouped else drawn
        losses.append(_take_step(model, optimizer, batch, step))
        on_step(losses[-1])
        if step not in validation_steps:
            continue
        scores = {name: measure(model, validation_sets) for name, measure in measures.items()}
        log.append(
            {
                "step": step,
                "epoch": step / steps_per_epoch,
                "loss": sum(losses) / len(losses),
                "learning_rate": settings.learning_rate,
                **scores,
                "validation_loss": validation.loss(model, validation_sets),
            }
        )
        losses.clear()
        logger.info("step %d: %s %.4f", step, decisive, scores[decisive])
        if stopping.should_stop(model, step, scores[decisive]):
            break
    logger.info("best: %s %.4f at step %d", decisive, stopping.best_score, stopping.best_step)
    model.load_state_dict(stopping.best_weights)
    return pa.Table.from_pylist(log, schema=_LOG_SCHEMA if decisive == _HIT_RATIO else _LOG_SCHEMA.append(_NDCG_FIELD))


def _take_step(
    model: SequentialRecommender, optimizer: torch.optim.Optimizer, batch: PaddedSequences, step: int
) -> float:
    model.train()
    optimizer.zero_grad()
    loss = training_loss(model, batch)
    value = loss.item()
    if not math.isfinite(value):
        raise FloatingPointError(
            f"the loss is {value} at step {step}: training has diverged. Lower recommenders.learning_rate."
        )
    loss.backward()
    optimizer.step()
    return value


def _steps_per_epoch(settings: TrainingSettings, sequences: int) -> int:
    return math.ceil(sequences / settings.batch_size)


def _validation_steps(settings: TrainingSettings, steps_per_epoch: int) -> frozenset[int]:
    validations = settings.maximum_epochs * settings.evaluations_per_epoch
    return frozenset(
        math.ceil(number * steps_per_epoch / settings.evaluations_per_epoch) for number in range(1, validations + 1)
    )


def batches(training: PaddedSequences, settings: TrainingSettings, seed: int) -> Iterator[PaddedSequences]:
    """Yield the batches of all epochs; the seed and the epoch's number determine the order within it."""
    for epoch in range(settings.maximum_epochs):
        generator = _generator(seed, "order", epoch)
        order = torch.randperm(len(training), generator=generator)
        of_epoch = order.split(settings.batch_size)
        if settings.length_grouped:
            of_epoch = _length_grouped(order, training.lengths, settings.batch_size, generator)
        for rows in of_epoch:
            yield training.rows(rows)


def _length_grouped(
    order: torch.Tensor, lengths: torch.Tensor, batch_size: int, generator: torch.Generator
) -> tuple[torch.Tensor, ...]:
    """Return as many batches of the same rows, each with similar lengths: every 50 batches are sorted by length."""
    groups = order.split(_BATCHES_PER_GROUP * batch_size)
    sorted_rows = torch.cat([group[lengths[group].argsort(stable=True)] for group in groups]).split(batch_size)
    return tuple(sorted_rows[place] for place in torch.randperm(len(sorted_rows), generator=generator).tolist())


def _generator(seed: int, purpose: str, index: int) -> torch.Generator:
    return torch.Generator().manual_seed(_derived_seed(seed, purpose, index))


def _derived_seed(seed: int, *purpose: object) -> int:
    """Return a 63-bit seed derived from the arguments, so that no two purposes share random numbers."""
    name = "\0".join(map(str, (seed, "recommender", *purpose)))
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest()) >> 1
