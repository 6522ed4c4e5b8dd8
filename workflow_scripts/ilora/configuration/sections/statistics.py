"""`statistics`: the uncertainty that stands beside every number."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ilora.configuration.section import Section
from ilora.configuration.types import Seed


class StatisticsSection(Section):
    """The uncertainty that stands beside every number."""

    confidence: Annotated[float, Field(gt=0.5, lt=1)] = Field(0.95, description="of the intervals")
    bootstrap_samples: Annotated[int, Field(ge=100)] = Field(2000, description="resamples of the users")
    bootstrap_seed: Seed = Field(0, description="seed of the resamples")

    @property
    def intervals(self) -> dict[str, float | int]:
        """How intervals are computed, as `ilora.evaluation.intervals.IntervalSettings` takes it."""
        return {"confidence": self.confidence, "samples": self.bootstrap_samples, "seed": self.bootstrap_seed}
