"""The embedded backbone: a small Llama that the pipeline builds and pretrains itself, for machines without a GPU.

It is taught the skill that the task needs (compare behaviour tokens, copy the title that stands with the best one),
never a preference: who likes what is left to fine-tuning.
"""
