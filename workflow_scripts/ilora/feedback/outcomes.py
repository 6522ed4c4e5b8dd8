"""Results of the simulation for several policies, as a table."""

import logging
from collections.abc import Mapping
from dataclasses import replace

import pyarrow as pa

from ilora.feedback.measures import measurements
from ilora.feedback.policies import Oracle, Policy
from ilora.feedback.schemas import OUTCOMES
from ilora.feedback.simulation import Display, simulate
from ilora.feedback.users import SimulatedUsers


def measure_policies(
    users: SimulatedUsers, policies: Mapping[str, Policy], display: Display, rounds: int, logger: logging.Logger
) -> pa.Table:
    """Simulate each policy independently, and return a table of the schema OUTCOMES.

    Args:
        users: users, the same for every policy.
        policies: policies by method name; the oracle does not explore.
        display: display settings.
        rounds: number of rounds after round 0.
        logger: logger for progress.

    Raises:
        ValueError: see `ilora.feedback.simulation.simulate`.
    """
    rows = []
    for method, policy in policies.items():
        of_policy = replace(display, exploration=0.0) if isinstance(policy, Oracle) else display
        for played in simulate(users, policy, of_policy, rounds):
            measured = list(measurements(played, users, display.examination))
            rows += [{"method": method, "seed": users.seed, **row} for row in measured]
            everybody = measured[0]
            logger.info(
                "%s, round %d: HitRatio@1 %.3f, regret %.3f, Gini %.3f",
                *(method, played.number, everybody["hit_ratio@1"], everybody["regret"], everybody["gini"]),
            )
    return pa.Table.from_pylist(rows, schema=OUTCOMES)
