"""How good the predictions are: validity, metrics, intervals, and what may be compared with what."""
