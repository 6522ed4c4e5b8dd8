"""Ranks of targets among all items of the catalogue, for any method that can score or list items."""
