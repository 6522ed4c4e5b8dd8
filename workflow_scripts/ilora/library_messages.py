"""Silences what libraries print that a reader of a terminal or a log can do nothing about."""

import logging
import os
import warnings

#: Of transformers and the hub: bars for loading weights, which take less than a second here.
NO_PROGRESS_BARS = "HF_HUB_DISABLE_PROGRESS_BARS"


def silence_libraries() -> None:
    """Drop progress bars of libraries, their deprecation warnings, and notes on kernels that nothing here calls."""
    os.environ.setdefault(NO_PROGRESS_BARS, "1")
    # bitsandbytes looks for a CPU kernel of 4-bit weights whenever PEFT imports it.
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    for category in (DeprecationWarning, PendingDeprecationWarning, FutureWarning):
        warnings.simplefilter("ignore", category)
