"""Answers of a language model: generated text, and the likelihood of each candidate."""
