"""The cache folder: who may write in it, and when what is in it may be trusted.

A component is built in `partial/`, renamed to its final place, checked there, and only then
stamped. A folder without a stamp of the right inputs is never trusted, so an interrupted run leaves
nothing behind but work to do again.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
from pathlib import Path

from .errors import SetupError

SCHEMA_VERSION = 1
STAMP_NAME = ".setup-stamp.json"


def cache_root(environment):
    """Where everything is installed, from WASMFIT_CACHE, XDG_CACHE_HOME or the home folder."""
    chosen = environment.get("WASMFIT_CACHE")
    if not chosen:
        base = environment.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
        chosen = os.path.join(base, "wasmfit")
    root = Path(os.path.abspath(os.path.expanduser(chosen)))
    if any(sign in str(root) for sign in ":\n\"'"):
        raise SetupError(f"the cache folder {str(root)!r} has a colon, a quote or a line break in "
                         "its name, which library search paths cannot carry",
                         "set WASMFIT_CACHE to another folder")
    return root


def sha256_of_file(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_of_inputs(*parts):
    """One hash for all that decides what a component is: texts, and files by their content."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.read_bytes() if isinstance(part, Path) else str(part).encode()
        digest.update(hashlib.sha256(data).digest())
    return digest.hexdigest()


def write_atomically(path, text):
    beside = path.with_name(f"{path.name}.new")
    beside.write_text(text)
    beside.replace(path)


class Workspace:
    def __init__(self, root, console):
        self.root = root
        self.console = console
        self.partial = root / "partial"
        self.log_path = root / "setup.log"
        self.lock_descriptor = None

    @contextlib.contextmanager
    def locked(self):
        """Holds the cache for this run; a second setup waits here.

        Programs that setup starts inherit the lock: should setup itself be killed, the next run
        waits until the last of them has ended instead of clearing the folder it writes in.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.root / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self.console.say(f"another setup is at work in {self.root}: waiting for it")
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            self.lock_descriptor = descriptor
            yield
        finally:
            shutil.rmtree(self.partial, ignore_errors=True)
            self.lock_descriptor = None
            os.close(descriptor)

    def clear_partial(self):
        if self.partial.exists():
            shutil.rmtree(self.partial)

    def fresh(self, name):
        """An empty folder in `partial/`, whatever an earlier run left there."""
        folder = self.partial / name
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
        return folder

    def require_space(self, needed_bytes):
        free = shutil.disk_usage(self.root).free
        if free < needed_bytes:
            raise SetupError(
                f"the disk of {self.root} has {free / 1e9:.1f} GB free and "
                f"{needed_bytes / 1e9:.1f} GB are needed",
                "free some space there, or set WASMFIT_CACHE to a folder on another disk")

    def move_in(self, built, folder):
        """Puts a finished folder in its place; an older one leaves first."""
        folder.parent.mkdir(parents=True, exist_ok=True)
        outgoing = self.partial / f"outgoing-{folder.name}"
        if outgoing.exists():
            shutil.rmtree(outgoing)
        if folder.exists():
            folder.rename(outgoing)
        built.rename(folder)
        shutil.rmtree(outgoing, ignore_errors=True)


def write_stamp(folder, inputs, record):
    text = json.dumps({"schema_version": SCHEMA_VERSION, "inputs": inputs, "record": record},
                      indent=2)
    write_atomically(folder / STAMP_NAME, text + "\n")


def read_stamp(folder, inputs=None):
    """The record of a finished component, or None when there is none for these inputs."""
    try:
        stamp = json.loads((folder / STAMP_NAME).read_text())
    except (OSError, ValueError):
        return None
    if not isinstance(stamp, dict) or stamp.get("schema_version") != SCHEMA_VERSION:
        return None
    if inputs is not None and stamp.get("inputs") != inputs:
        return None
    record = stamp.get("record")
    return record if isinstance(record, dict) else None


def write_summary(root, components, missing):
    """setup.json: what is installed, for wasmfit and its tests. Untouched when nothing changed.

    missing: name of a part -> why it is not there
    """
    fallbacks = [{"component": name, **fallback}
                 for name, record in components.items()
                 for fallback in record.get("fallbacks", [])]
    gaps = [{"component": name, "reason": reason} for name, reason in missing.items()]
    summary = {"schema_version": SCHEMA_VERSION, "components": components, "fallbacks": fallbacks,
               "missing": gaps}
    text = json.dumps(summary, indent=2) + "\n"
    path = root / "setup.json"
    try:
        if path.read_text() == text:
            return
    except (OSError, ValueError):
        pass
    write_atomically(path, text)
