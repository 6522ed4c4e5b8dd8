"""Advice for errors of the file system."""

import errno
import os

_REMEDIES = {
    errno.ENOSPC: "Free some space on that disk",
    errno.EDQUOT: "Free some of your quota on that disk",
    errno.EFBIG: "Raise the limit on file sizes (ulimit -f)",
    errno.EROFS: "Make it writable, or set the key `results` to another folder",
    errno.EACCES: "Ask its owner for permission (chmod), or set another path in the study",
    errno.EPERM: "Ask its owner for permission (chmod), or set another path in the study",
}


def remedy(error: OSError) -> str | None:
    """Return advice as a sentence; None if the file system is not the cause, or the error already contains it."""
    action = _REMEDIES.get(error.errno or 0)
    return None if action is None or action in str(error) else f"{action}, and run the same command again."


def explained(error: OSError, path: str | os.PathLike[str]) -> OSError:
    """Return an error of the same kind that also names the path and, if there is any, the advice of `remedy`."""
    number = error.errno or 0
    told = " ".join(part for part in (f"{os.strerror(number)}.", remedy(error)) if part)
    return OSError(number, told, str(path))
