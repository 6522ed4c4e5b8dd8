"""The language model: backbone, adapter, behaviour tokens, and what it reads."""
