"""Baselines that are counted, not trained: item popularity and a first-order Markov chain."""
