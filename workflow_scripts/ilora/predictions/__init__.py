"""Tables of predictions: what every method ends in, and all that is measured begins with."""
