"""What marks a token that is no answer."""

#: The label of a token from which nothing is to be learnt, as PyTorch's cross-entropy and transformers have it.
IGNORED_LABEL = -100
