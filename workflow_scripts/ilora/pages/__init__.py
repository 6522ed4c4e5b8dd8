"""A module for each page of the report beside its tables and figures."""
