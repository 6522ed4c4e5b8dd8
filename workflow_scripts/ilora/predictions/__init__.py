"""Tables of predictions: the output of every method and the input of every measurement."""
