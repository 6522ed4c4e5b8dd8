"""Linux namespaces: a private network or private mounts for a test, without privileges if the system allows it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from functools import cache

import pytest

NO_NETWORK = ("--net",)
OWN_MOUNTS = ("--mount",)


@cache
def is_allowed(options: tuple[str, ...]) -> bool:
    """Return whether this user may create such namespaces."""
    try:
        return subprocess.run([*_unshare(options), "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def without_network(command: Sequence[str]) -> list[str]:
    """Return the command without network access if that is allowed, otherwise unchanged."""
    return [*_unshare(NO_NETWORK), *command] if is_allowed(NO_NETWORK) else list(command)


def isolated(command: Sequence[str], options: tuple[str, ...]) -> list[str]:
    """Return the command in its own namespaces; skip the test if they are not allowed."""
    if not is_allowed(options):
        pytest.skip(f"not run: this user may not call unshare {' '.join(options)}")
    return [*_unshare(options), *command]


def _unshare(options: tuple[str, ...]) -> list[str]:
    is_root = os.geteuid() == 0
    return ["unshare", *([] if is_root else ["--user", "--map-root-user"]), *options]
