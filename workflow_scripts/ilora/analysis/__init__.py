"""Analyses of trained adapters: clusters, gradients and expert weights."""
