"""A module for each table of the report: what it is made from, and how it is written."""
