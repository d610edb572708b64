"""Progress: one line per step; on a terminal the current one is alive, in a pipe all are plain."""

import contextlib
import os
import sys
import threading
import time
from pathlib import Path

MEGABYTE = 1_000_000
REFRESH_SECONDS = 0.2


class Console:
    def __init__(self, stream=None):
        self.stream = stream or sys.stdout
        self.alive = self.stream.isatty()
        self.steps_taken = 0

    def say(self, text):
        print(text, file=self.stream, flush=True)

    def warn(self, text):
        self.say(f"warning: {text}")

    @contextlib.contextmanager
    def step(self, text, growing=None):
        """Shows `text` while the body runs, then the seconds it took.

        growing: a folder whose size, when shown, tells how far a download has come.
        """
        self.steps_taken += 1
        started = time.monotonic()
        if not self.alive:
            self.say(f"{text} ...")
        finished = threading.Event()
        painter = threading.Thread(
            target=self._paint, args=(text, started, growing, finished), daemon=True)
        if self.alive:
            painter.start()
        outcome = "failed after"
        try:
            yield
            outcome = "done in"
        finally:
            finished.set()
            if self.alive:
                painter.join()
            seconds = f"{outcome} {time.monotonic() - started:.1f} s"
            self._close(f"{text}: {seconds}" if self.alive else f"  {seconds}")

    def _paint(self, text, started, growing, finished):
        while not finished.wait(REFRESH_SECONDS):
            size = f", {folder_bytes(growing) // MEGABYTE} MB so far" if growing else ""
            self._rewrite(text, f" ... {time.monotonic() - started:.0f} s{size}")

    def _rewrite(self, text, state):
        room = terminal_columns(self.stream) - len(state) - 1
        self.stream.write(f"\r\x1b[K{text[:max(room, 0)]}{state}")
        self.stream.flush()

    def _close(self, line):
        self.say(f"\r\x1b[K{line}" if self.alive else line)


def terminal_columns(stream):
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except (OSError, ValueError):
        return 80


def folder_bytes(folder):
    """The size of the files below a folder, some of which may vanish while we look."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += Path(place, name).lstat().st_size
    return total


def in_words(names):
    """a, b and c"""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
