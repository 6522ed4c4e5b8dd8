"""One module for each table of the report: its inputs, and how it is written."""
