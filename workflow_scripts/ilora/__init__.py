"""Reference pipeline for LLM-based sequential recommendation with instance-wise LoRA."""

__version__ = "0.1.0"
