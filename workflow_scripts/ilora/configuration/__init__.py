"""The configuration of a study: a typed model of `config.yaml`, validated before anything runs."""
