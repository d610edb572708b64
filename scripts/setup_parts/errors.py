"""What a person sees when setup cannot go on."""

import errno

FULL_DISK = ("the disk of {place} is full; free some space there, or set WASMFIT_CACHE to a folder "
             "on another disk")

class SetupError(Exception):
    """One line: what happened, why, and what to do about it."""

    def __init__(self, what, remedy=None):
        text = " ".join(what.split())
        super().__init__(f"{text}; {remedy}" if remedy else text)


def explain_os_error(error, root):
    """The line for an operating system error nobody handled closer to its cause."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return FULL_DISK.format(place=root)
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        place = error.filename or root
        return (f"{place} cannot be written ({error.strerror}); set WASMFIT_CACHE to a folder of "
                "your own")
    place = f"{error.filename}: " if error.filename else ""
    return f"{place}{error.strerror or error}; run scripts/setup again once this is solved"
