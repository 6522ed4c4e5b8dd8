"""Silences what libraries print that a reader of a terminal or a log can do nothing about."""

import logging
import os
import warnings

#: Environment that turns off the progress bars of transformers, the hub and whatever else uses tqdm.
NO_PROGRESS_BARS = {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "TQDM_DISABLE": "1"}


def silence_libraries() -> None:
    """Drop the progress bars of libraries and their deprecation warnings."""
    disable_progress_bars()
    for category in (DeprecationWarning, PendingDeprecationWarning, FutureWarning):
        warnings.simplefilter("ignore", category)


def disable_progress_bars() -> None:
    """Turn the progress bars of libraries off in this process and its children, unless the environment says otherwise.

    Libraries read these variables when they are imported, so those imported before keep their bars.
    """
    for name, value in NO_PROGRESS_BARS.items():
        os.environ.setdefault(name, value)


def drop_kernel_warning() -> None:
    """Drop the warning of bitsandbytes about a missing CPU kernel for 4-bit weights, which nothing here calls.

    PEFT imports bitsandbytes, which warns while it is imported, on processors with AVX-512 BF16.
    """
    logging.getLogger("bitsandbytes.backends.cpu.ops").addFilter(_is_not_kernel_warning)


def _is_not_kernel_warning(record: logging.LogRecord) -> bool:
    return "gemm_4bit_forward" not in record.msg
