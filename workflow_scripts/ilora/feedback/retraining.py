"""How a trained policy is retrained after each round: on which clicks, in how many steps, from which weights."""

from dataclasses import dataclass

import numpy as np

from ilora.configuration.sections.feedback import Retraining
from ilora.negative_transfer.groups import Sequences

# What the seeds of draws are for.
_BATCHES = 0


@dataclass(frozen=True)
class RetrainingSettings:
    """Of every round alike; ``start`` says whether it begins with the last round's weights or with untrained ones."""

    start: Retraining
    steps: int
    batch_size: int
    learning_rate: float
    seed: int

    def batch(self, log: Sequences, number: int, step: int) -> Sequences:
        """Return the clicks of one step, drawn with replacement from the log: the same ones for every policy.

        Args:
            log: of all rounds so far.
            number: of the last round in it.
            step: from 0.
        """
        generator = np.random.default_rng([self.seed, _BATCHES, number, step])
        return log.rows(generator.integers(len(log.targets), size=self.batch_size))
