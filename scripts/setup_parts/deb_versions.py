"""Debian version numbers: their order, and which one may stand in for a pinned one.

The order is the one of Debian Policy 5.6.12: digits compare as numbers, letters before other signs,
and a tilde before everything, even the end.
"""

import functools
import re
from dataclasses import dataclass


@dataclass(frozen=True)
class AvailableDeb:
    """A package version of the mirror, as its signed index describes it."""
    name: str
    version: str
    sha256: str
    size_bytes: int


def split_version(version):
    """epoch, upstream version, Debian revision; a missing revision equals 0"""
    epoch, _, rest = version.rpartition(":")
    upstream, dash, revision = rest.rpartition("-")
    return (int(epoch or 0), upstream, revision) if dash else (int(epoch or 0), rest, "0")


def upstream_minor(version):
    """The major and minor number of the upstream version: (3, 15) of 3.15.0-1."""
    epoch, upstream, _ = split_version(version)
    numbers = re.findall(r"\d+", upstream)
    return (epoch, *map(int, numbers[:2]))


def compare_versions(left, right):
    left_epoch, left_upstream, left_revision = split_version(left)
    right_epoch, right_upstream, right_revision = split_version(right)
    return (left_epoch - right_epoch
            or _compare_part(left_upstream, right_upstream)
            or _compare_part(left_revision, right_revision))


def _compare_part(left, right):
    left_pieces, right_pieces = _pieces(left), _pieces(right)
    return (left_pieces > right_pieces) - (left_pieces < right_pieces)


def _pieces(part):
    """Alternating text and number, the text as sort weights: they compare as Debian does."""
    # findall ends with an empty match. Zero stands for the end: after a tilde, before any letter.
    return [((*map(_weight, text), 0), int(number or 0))
            for text, number in re.findall(r"(\D*)(\d*)", part)]


def _weight(sign):
    if sign == "~":
        return -1
    return ord(sign) if sign.isalpha() else ord(sign) + 256


def choose_version(pinned, available):
    """The pinned version when the mirror still has it, else the newest of the same upstream minor.

    Returns None when neither is there.
    """
    candidates = [deb for deb in available if deb.name == pinned.name]
    for deb in candidates:
        if deb.version == pinned.version:
            return deb
    close = [deb for deb in candidates
             if upstream_minor(deb.version) == upstream_minor(pinned.version)]
    newest = functools.cmp_to_key(lambda left, right: compare_versions(left.version, right.version))
    return max(close, key=newest, default=None)
