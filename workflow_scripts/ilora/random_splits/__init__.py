"""Repeated random splits of the users: how far HitRatio@1 depends on the choice of test users."""
