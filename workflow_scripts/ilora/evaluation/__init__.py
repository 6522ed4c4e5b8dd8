"""Evaluation of predictions: validity, metrics, confidence intervals, tests and comparability."""
