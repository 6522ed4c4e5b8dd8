"""`resources`: limits of what a rule may ask for."""

from __future__ import annotations

from pydantic import Field

from ilora.configuration.section import Section
from ilora.configuration.types import Count


class ResourcesSection(Section):
    """Limits of what a rule may ask for: requests grow with each attempt and stop here."""

    maximum_minutes: Count = Field(1440, description="longest run of a job, in minutes; at most the partition's")
    maximum_megabytes: Count = Field(128_000, description="largest memory of a job, in megabytes")
