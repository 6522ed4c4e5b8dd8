"""Results of every method on synthetic users, for one degree of contradiction and one seed."""

import logging
from typing import Any

import pyarrow as pa
from transformers import LlamaForCausalLM

from ilora.negative_transfer.gradients import GradientSettings, group_similarity
from ilora.negative_transfer.groups import GROUP_IN_PROMPT, SyntheticGroups
from ilora.negative_transfer.methods import METHODS
from ilora.negative_transfer.schemas import OUTCOMES, SIMILARITIES
from ilora.negative_transfer.tuning import SyntheticTuning, Task, tuned_hits


def measure_outcomes(
    backbone: LlamaForCausalLM,
    users: SyntheticGroups,
    settings: SyntheticTuning,
    gradients: GradientSettings,
    logger: logging.Logger,
) -> tuple[pa.Table, pa.Table]:
    """Tune every method on the same sequences, and return tables of the schemas OUTCOMES and SIMILARITIES.

    Args:
        backbone: frozen backbone.
        users: groups of users.
        settings: settings of the tuning.
        gradients: settings of the comparison of gradients.
        logger: logger for progress.
    """
    outcomes: list[dict[str, Any]] = []
    similarities: list[dict[str, Any]] = []
    for group_in_prompt in GROUP_IN_PROMPT:
        task = Task(users, group_in_prompt)
        labels = {"degree": users.degree, "group_in_prompt": group_in_prompt, "seed": settings.seed}
        for name, method in METHODS.items():
            for step, hits in tuned_hits(backbone, task, method, settings).items():
                row = {"method": name, "step": step, "hit_ratio@1": hits.mean(), "test_sequences": len(hits)}
                outcomes.append(labels | row)
                logger.info("group %s, %s, step %d: HitRatio@1 %.3f", group_in_prompt, name, step, hits.mean())
        found = group_similarity(backbone, task, settings, gradients, logger)
        similarities.append(labels | {"similarity": found.similarity, "noise_ceiling": found.noise_ceiling})
    return pa.Table.from_pylist(outcomes, schema=OUTCOMES), pa.Table.from_pylist(similarities, schema=SIMILARITIES)
