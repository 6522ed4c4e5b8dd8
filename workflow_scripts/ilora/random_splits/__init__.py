"""Users split at random again and again: how far HitRatio@1 depends on who is tested."""
