"""The study: one typed model of `config.yaml`, validated before anything runs."""
