"""Pages of the report: what the study was, what it cost, how it departs from the paper, and where answers go wrong."""
