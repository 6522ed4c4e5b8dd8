"""`resources`: upper bounds on what a rule may request."""

from __future__ import annotations

from pydantic import Field

from ilora.configuration.section import Section
from ilora.configuration.types import Count


class ResourcesSection(Section):
    """Upper bounds on what a rule may request; requests grow with each attempt."""

    maximum_minutes: Count = Field(
        1440, description="longest run time of a job, in minutes; no more than the partition allows"
    )
    maximum_megabytes: Count = Field(128_000, description="most memory of a job, in megabytes")
