"""What a claim was measured on, in words."""

import os
import platform
from pathlib import Path

from ilora.artifacts.hardware import PROCESSORS, processor_name


def describe_processor(processors: Path = PROCESSORS) -> str:
    """Give the processor's model name, its cores and the system.

    Args:
        processors: as `processor_name` reads it.
    """
    return f"{processor_name(processors)}, {os.cpu_count()} cores, {platform.system()}"
