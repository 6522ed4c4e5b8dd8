"""What a user can do when the file system refuses to read or write."""

import errno
import os

_REMEDIES = {
    errno.ENOSPC: "Free some space on that disk",
    errno.EDQUOT: "Free some of your quota on that disk",
    errno.EFBIG: "Raise the limit of a file's size (ulimit -f)",
    errno.EROFS: "Make it writable, or name another folder by the key `results`",
    errno.EACCES: "Have its owner give you permission (chmod), or name another place in the study",
    errno.EPERM: "Have its owner give you permission (chmod), or name another place in the study",
}


def remedy(error: OSError) -> str | None:
    """Return a sentence that says what to do; None where the file system is not to blame, or it was said already."""
    action = _REMEDIES.get(error.errno or 0)
    return None if action is None or action in str(error) else f"{action}, and run the same command again."


def explained(error: OSError, path: str | os.PathLike[str]) -> OSError:
    """Return an error of the same kind that also names the path, and what to do if `remedy` knows."""
    number = error.errno or 0
    told = " ".join(part for part in (f"{os.strerror(number)}.", remedy(error)) if part)
    return OSError(number, told, str(path))
