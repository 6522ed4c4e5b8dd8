"""Artifacts that figures and tables are made from, with the data set as a wildcard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ilora.configuration.types import DEFAULT_VARIANT
from ilora.layout import expand, fill
from ilora.reporting.declaration import Wildcards, of_each_dataset

if TYPE_CHECKING:
    from ilora.study.study import Study


def of_dataset(study: Study, pattern: str) -> str:
    """Return an artifact of a data set, or of the backbone or a sweep on it."""
    return fill(pattern, protocol=study.config.protocol, backbone=study.backbone_id)


def of_each(study: Study, pattern: str) -> list[str]:
    """Return an artifact of every data set of the study."""
    return expand(pattern, dataset=study.config.datasets, protocol=study.config.protocol)


def of_first_seed(study: Study, pattern: str, method: str) -> str:
    """Return an artifact of a method's own settings and the study's first seed."""
    own = {"method": method, "variant": DEFAULT_VARIANT, "seed": study.config.seeds[0]}
    return fill(of_dataset(study, pattern), **own)


def of_each_seed(study: Study, pattern: str, method: str) -> list[str]:
    """Return an artifact of a method's own settings for each of the study's seeds, in their order."""
    own = {"method": method, "variant": DEFAULT_VARIANT, "seed": study.config.seeds}
    return expand(of_dataset(study, pattern), **own)


def clusters_of_first_seed(study: Study, pattern: str) -> str:
    """Return an artifact of the clusters of sequences, for the study's first seed."""
    encoder = study.config.recommenders.sequence_encoder
    return fill(of_dataset(study, pattern), sequence_encoder=encoder, seed=study.config.seeds[0])


def with_gradients(study: Study) -> list[Wildcards]:
    """Return the wildcards of a figure about gradients: one for each data set, if the study computes gradients."""
    return of_each_dataset(study) if study.config.figures.gradients and study.gradient_methods else []
