"""Fetching the raw files of published data sets: downloaded, verified and unpacked, or refused."""
