"""Count-based baselines, item popularity and a first-order Markov chain, and chat models."""
