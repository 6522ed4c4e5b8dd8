"""The sections of a study's configuration, one module each."""
