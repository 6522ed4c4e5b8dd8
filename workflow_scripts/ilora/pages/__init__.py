"""One module for each page of the report other than tables and figures."""
