"""Little to learn from or to answer from: few training users, short histories, rare items, and what gates do then."""
