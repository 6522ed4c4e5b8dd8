"""Recommenders small enough to train in a test."""

from __future__ import annotations

import pytest

from ilora.configuration.sections.recommender_values import CaseQSection, CaserSection, GRU4RecSection, SASRecSection
from ilora.recommenders.settings import Architecture, MoRecArchitecture, TrainingSettings


@pytest.fixture(params=["sasrec", "gru4rec", "caser", "caseq"])
def recommender(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def architecture(recommender: str) -> Architecture:
    small: dict[str, Architecture] = {
        "sasrec": SASRecSection(feed_forward_size=32, dropout=0.1),
        "gru4rec": GRU4RecSection(hidden_size=16, dropout=0.1),
        "caser": CaserSection(horizontal_filters=2, vertical_filters=2, dropout=0.1),
        "caseq": CaseQSection(units=2, feed_forward_size=16, dropout=0.1),
        "morec": MoRecArchitecture(feed_forward_size=32, dropout=0.1, title_width=6),
    }
    return small[recommender]


@pytest.fixture
def settings() -> TrainingSettings:
    return TrainingSettings(learning_rate=0.01, batch_size=32, maximum_epochs=8, evaluations_per_epoch=2, patience=16)
