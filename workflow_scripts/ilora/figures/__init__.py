"""One module for each figure: its inputs, the studies that have it, and how it is drawn."""
