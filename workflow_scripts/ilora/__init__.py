"""Reference pipeline for LLM-based sequential recommendation with instance-wise LoRA."""

from ilora.library_messages import drop_kernel_warning

__version__ = "0.1.0"

drop_kernel_warning()
