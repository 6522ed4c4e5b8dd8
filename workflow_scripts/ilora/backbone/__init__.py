"""The embedded backbone: a small Llama that the pipeline builds and pretrains itself, for machines without a GPU.

It is taught the skill that the task requires (compare behaviour tokens, copy the title next to the best match), never
preferences, which are left to fine-tuning.
"""
