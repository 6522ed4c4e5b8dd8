"""The sections of a study's configuration, a module for each."""
