"""A module for each figure: what it is made from, when a study has it, and how it is drawn."""
