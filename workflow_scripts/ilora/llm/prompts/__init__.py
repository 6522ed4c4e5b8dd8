"""Prompts and answers as token ids, in a data set's wording."""
