"""From raw data sets to interactions, sequences and candidate sets."""
