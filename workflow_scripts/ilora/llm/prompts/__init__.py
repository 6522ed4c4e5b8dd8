"""Prompts and answers as token ids, in the words of a data set."""
