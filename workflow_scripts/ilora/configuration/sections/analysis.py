"""`analysis`: clusters of sequences, and the gradients on them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ilora.configuration.section import Section
from ilora.configuration.types import Count, Seed


class AnalysisSection(Section):
    """Clusters of sequences, and the gradients on them (Fig. 1 and 3 of the paper)."""

    clusters: Annotated[int, Field(ge=2)] = Field(8, description="k-means clusters of sequences; the paper has 8")
    restarts: Count = Field(10, description="initialisations of k-means; the best one is kept")
    seed: Seed = Field(0, description="seed of the clustering and of every sample of sequences below")
    silhouette_sequences: Count = Field(5000, description="training sequences on which the silhouette is measured")
    blocks: Annotated[int, Field(ge=2)] = Field(
        8, description="blocks of sequences per cluster, each with its own gradient; intervals resample the blocks"
    )
    sequences_per_block: Count = Field(64, description="sequences per block; a cluster with too few gets no gradient")
    batch_size: Count = Field(16, description="sequences per forward and backward pass")
    case_study_sequences: Annotated[int, Field(ge=2)] = Field(
        64, description="sequences from which the pairs of the case study are chosen"
    )
