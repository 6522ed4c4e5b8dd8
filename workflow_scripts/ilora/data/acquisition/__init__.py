"""Acquisition of the raw files of published data sets: download, verification and unpacking."""
