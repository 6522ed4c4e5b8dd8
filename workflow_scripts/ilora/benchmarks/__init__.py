"""Benchmarks of speed and memory against references measured in the same run; `make bench` runs them."""
