"""Drift: how methods age as users change, with items withheld from training and over periods of a global clock."""
