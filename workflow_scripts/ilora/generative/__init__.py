"""Generative recommenders over semantic ids: items as short codes, which a sequence model generates token by token."""
