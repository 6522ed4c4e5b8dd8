"""`statistics`: the confidence intervals of all results."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ilora.configuration.section import Section
from ilora.configuration.types import Seed


class StatisticsSection(Section):
    """The confidence intervals of all results."""

    confidence: Annotated[float, Field(gt=0.5, lt=1)] = Field(0.95, description="confidence level of the intervals")
    bootstrap_samples: Annotated[int, Field(ge=100)] = Field(2000, description="bootstrap resamples of the users")
    bootstrap_seed: Seed = Field(0, description="seed of the resampling")

    @property
    def intervals(self) -> dict[str, float | int]:
        """The keyword arguments of `ilora.evaluation.intervals.IntervalSettings`."""
        return {"confidence": self.confidence, "samples": self.bootstrap_samples, "seed": self.bootstrap_seed}
