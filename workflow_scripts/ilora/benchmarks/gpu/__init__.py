"""The benchmark of one GPU, at most eight minutes: `make gpu`. Without a GPU, it runs in miniature."""
