"""`sweeps`: ablations of one setting of the tuned methods over several values."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, JsonValue

from ilora.configuration.section import Section
from ilora.configuration.sections.finetuning import TunedMethod
from ilora.configuration.types import DatasetName, Seed, Text


class SweepSection(Section):
    """One setting of the tuned methods over several values, with all others as in the study."""

    methods: Annotated[tuple[TunedMethod, ...], Field(min_length=1)] = Field(
        ("ilora",),
        description="methods tuned at each value; the first, at the study's own value, is the reference",
    )
    parameter: Text = Field(
        description="setting to vary: sequence_encoder (of recommenders), or a key of finetuning such as experts or "
        "preset"
    )
    values: Annotated[tuple[JsonValue, ...], Field(min_length=2)] = Field(
        description="values of the parameter; the study's own must be among them"
    )
    settings: dict[str, JsonValue] = Field(
        default={}, description="other settings that all runs of this sweep replace, such as {steps: 700}"
    )
    datasets: Annotated[tuple[DatasetName, ...], Field(min_length=1)] | None = Field(
        None, description="data sets; null for the study's"
    )
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)] | None = Field(
        None, description="seeds; null for the study's"
    )
    by_epoch: bool = Field(False, description="also plot HitRatio@1 over training, from the snapshots of every run")
    title: Text | None = Field(None, description="title of the figure; null for the parameter's name")
