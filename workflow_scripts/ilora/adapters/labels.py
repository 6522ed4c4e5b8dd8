"""The label of tokens that are not part of an answer."""

#: Label of a token that is ignored in the loss, the same as in PyTorch's cross-entropy and transformers.
IGNORED_LABEL = -100
