"""Retraining of a policy after each round: clicks, number of steps, and initial weights."""

from dataclasses import dataclass

import numpy as np

from ilora.configuration.sections.feedback import Retraining
from ilora.negative_transfer.groups import Sequences

# Purposes of derived seeds.
_BATCHES = 0


@dataclass(frozen=True)
class RetrainingSettings:
    """Retraining settings of every round; ``start`` selects the last round's weights or new ones as initial weights."""

    start: Retraining
    steps: int
    batch_size: int
    learning_rate: float
    seed: int

    def batch(self, log: Sequences, number: int, step: int) -> Sequences:
        """Return the clicks of one step, drawn with replacement from the log, at the same rows for every policy.

        Args:
            log: clicks of all rounds so far.
            number: number of the last round in the log.
            step: number of the step, from 0.
        """
        generator = np.random.default_rng([self.seed, _BATCHES, number, step])
        return log.rows(generator.integers(len(log.targets), size=self.batch_size))
