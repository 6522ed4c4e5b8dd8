from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch

from ilora.configuration.sections.recommender_values import SASRecSection
from ilora.recommenders import validation
from ilora.recommenders.models import build_model
from ilora.recommenders.padded_sequences import pad_sequences
from ilora.recommenders.settings import Architecture, TrainingSettings
from ilora.recommenders.training_loop import batches, total_steps, train

SMALL_SASREC = SASRecSection(feed_forward_size=32, dropout=0.1)


def _train(ring: Any, architecture: Architecture, settings: TrainingSettings, seed: int = 1) -> tuple[Any, Any]:
    limits = {"items": ring.item_count, "maximum_history": ring.maximum_history}
    training = pad_sequences(ring.sequences.slice(0, 30 * 9), **limits)
    sets = validation.validation_sets(ring.sequences, ring.candidates, **limits)
    build = partial(build_model, architecture, embedding_size=8, **limits)
    return train(build, training, sets, settings, seed=seed)


def test_it_learns_and_returns_the_best_model(
    ring: Any, architecture: Architecture, settings: TrainingSettings
) -> None:
    model, log = _train(ring, architecture, settings)
    limits = {"items": ring.item_count, "maximum_history": ring.maximum_history}
    sets = validation.validation_sets(ring.sequences, ring.candidates, **limits)

    best = validation.hit_ratio(model, sets)

    assert best == max(log["validation_hit_ratio@1"].to_pylist())
    assert best >= 0.6, "chance is 0.1; the next item is certain"
    assert not model.training
    assert log["loss"][-1].as_py() < log["loss"][0].as_py()


def test_the_log_has_a_row_for_each_validation(ring: Any) -> None:
    settings = TrainingSettings(batch_size=60, maximum_epochs=3, evaluations_per_epoch=2, patience=100)
    _, log = _train(ring, SMALL_SASREC, settings)
    # With 270 sequences, an epoch has 5 steps, with validations after steps 3 and 5.
    assert log["step"].to_pylist() == [3, 5, 8, 10, 13, 15]
    assert log["epoch"].to_pylist() == pytest.approx([0.6, 1.0, 1.6, 2.0, 2.6, 3.0])
    assert total_steps(settings, sequences=270) == 15


def test_more_validations_than_steps_are_one_for_each_step(ring: Any) -> None:
    settings = TrainingSettings(batch_size=1000, maximum_epochs=2, evaluations_per_epoch=5, patience=100)
    _, log = _train(ring, SMALL_SASREC, settings)
    assert log["step"].to_pylist() == [1, 2]


def test_it_stops_when_patience_is_at_an_end(ring: Any) -> None:
    # With almost no learning, the first validation remains the best. Patience counts validations.
    settings = TrainingSettings(
        learning_rate=1e-12, batch_size=60, maximum_epochs=50, evaluations_per_epoch=1, patience=3
    )
    _, log = _train(ring, SMALL_SASREC, settings)
    assert log.num_rows == 4


def test_the_seed_determines_everything(ring: Any, architecture: Architecture, settings: TrainingSettings) -> None:
    short = settings.model_copy(update={"maximum_epochs": 2})
    torch.manual_seed(123)
    state = torch.get_rng_state()
    first, first_log = _train(ring, architecture, short, seed=1)
    assert torch.equal(torch.get_rng_state(), state), "the global random generator was touched"

    torch.rand(17)
    second, second_log = _train(ring, architecture, short, seed=1)
    other, _ = _train(ring, architecture, short, seed=2)

    assert first_log.equals(second_log)
    for name, weights in first.state_dict().items():
        assert torch.equal(weights, second.state_dict()[name]), name
    assert not torch.equal(first.item_embedding.weight, other.item_embedding.weight)


def test_batches_of_similar_length_hold_every_sequence_once(ring: Any) -> None:
    rows = torch.randperm(270, generator=torch.Generator().manual_seed(0))
    training = pad_sequences(ring.sequences, ring.item_count, ring.maximum_history).rows(rows)
    settings = TrainingSettings(batch_size=32, maximum_epochs=2, length_grouped=True)
    drawn = list(batches(training, settings, seed=1))
    assert len(drawn) == total_steps(settings, len(training)) == 18
    for epoch in (drawn[:9], drawn[9:]):
        read = torch.cat([torch.cat([batch.histories, batch.targets[:, None]], dim=1) for batch in epoch])
        whole = torch.cat([training.histories, training.targets[:, None]], dim=1)
        assert sorted(read.tolist()) == sorted(whole.tolist())
        spans = [int(batch.lengths.max() - batch.lengths.min()) for batch in epoch]
        assert sum(span == 0 for span in spans) >= 6, "three lengths, so at most two batches hold two of them"
    assert not torch.equal(drawn[0].histories[:14], drawn[9].histories[:14])


def test_it_learns_from_batches_of_similar_length(
    ring: Any, architecture: Architecture, settings: TrainingSettings
) -> None:
    _, log = _train(ring, architecture, settings.model_copy(update={"length_grouped": True}))
    assert max(log["validation_hit_ratio@1"].to_pylist()) >= 0.6, "chance is 0.1; the next item is certain"


def test_validation_does_not_depend_on_the_order_of_the_sequences(ring: Any) -> None:
    limits = {"items": ring.item_count, "maximum_history": ring.maximum_history}
    sets = validation.validation_sets(ring.sequences, ring.candidates, **limits)
    rows = torch.randperm(len(sets.sequences), generator=torch.Generator().manual_seed(3))
    places = rows.argsort().numpy()
    shuffled = replace(sets, sequences=sets.sequences.rows(rows), rows=places[sets.rows])
    model = build_model(SMALL_SASREC, embedding_size=8, **limits)
    by_length = shuffled.by_length()
    assert (by_length.sequences.lengths.diff() >= 0).all()
    for measure in (validation.hit_ratio, validation.ndcg, validation.loss):
        assert measure(model, by_length) == pytest.approx(measure(model, sets), rel=1e-5)


def test_the_validation_loss_does_not_depend_on_how_many_sequences_are_computed_together(
    ring: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = {"items": ring.item_count, "maximum_history": ring.maximum_history}
    sets = validation.validation_sets(ring.sequences, ring.candidates, **limits)
    model = build_model(SMALL_SASREC, embedding_size=8, **limits)
    together = validation.loss(model, sets)
    monkeypatch.setattr(validation, "_LOSSES_AT_ONCE", 3)
    assert validation.loss(model, sets) == pytest.approx(together, rel=1e-5)


def test_a_diverging_loss_is_an_error_that_says_what_to_do(ring: Any) -> None:
    settings = TrainingSettings.model_construct(learning_rate=1e30, batch_size=60)  # more than a study allows
    with pytest.raises(FloatingPointError, match="at step .*recommenders.learning_rate"):
        _train(ring, SMALL_SASREC, settings)


def test_validation_uses_the_validation_split_only(ring: Any) -> None:
    sets = validation.validation_sets(ring.sequences, ring.candidates, items=ring.item_count, maximum_history=5)
    assert len(sets.sequences) == 10
    assert len(sets.candidates) == len(sets.rows) == len(sets.targets) == 20
    assert (sets.sequences.targets.numpy()[sets.rows] == sets.targets + 1).all()
    assert (sets.candidates == sets.targets[:, None]).sum(axis=1).tolist() == [1] * 20
