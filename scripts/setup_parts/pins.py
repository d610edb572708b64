"""Reading the files under scripts/pins."""

import re
from dataclasses import dataclass
from pathlib import Path

from .errors import SetupError

SCRIPTS = Path(__file__).resolve().parent.parent
PINS = SCRIPTS / "pins"
REPOSITORY = SCRIPTS.parent


@dataclass(frozen=True)
class PinnedPackage:
    """One Python package of a requirements file: exactly one version, exactly one file."""
    name: str
    version: str
    sha256: str


@dataclass(frozen=True)
class PinnedDeb:
    name: str
    version: str
    sha256: str
    sysroot: str | None = None  # the one it is for, or every one


@dataclass(frozen=True)
class DebLock:
    suite: str
    packages: tuple[PinnedDeb, ...]

    def packages_of(self, sysroot):
        return tuple(pin for pin in self.packages if pin.sysroot in (None, sysroot))


def parse_requirements(text):
    pattern = re.compile(
        r"^([A-Za-z0-9._-]+)==(\S+) \\\n\s+--hash=sha256:([0-9a-f]{64})\b", re.MULTILINE)
    return [PinnedPackage(*found) for found in pattern.findall(text)]


def download_megabytes(text):
    """The sizes a requirements file notes behind its larger entries, added up."""
    return sum(int(size) for size in re.findall(r"# (\d+) MB$", text, re.MULTILINE))


def parse_deb_lock(text, source="debs.lock"):
    suite, sysroot, packages = None, None, []
    for number, line in enumerate(text.splitlines(), start=1):
        fields = line.split("#", 1)[0].split()
        if not fields:
            continue
        if len(fields) == 2 and fields[0] == "suite":
            suite = fields[1]
        elif len(fields) == 1 and (section := re.fullmatch(r"\[([a-z0-9.-]+)\]", fields[0])):
            sysroot = section[1]
        elif len(fields) == 3 and re.fullmatch(r"[0-9a-f]{64}", fields[2]):
            packages.append(PinnedDeb(*fields, sysroot))
        else:
            raise SetupError(f"{source}, line {number}: expected 'name version sha256', "
                             f"found {line.strip()!r}", "restore the file from version control")
    names = [package.name for package in packages]
    if suite is None or not packages or len(set(names)) != len(names):
        raise SetupError(f"{source} needs one 'suite' line and at least one package, each once",
                         "restore the file from version control")
    return DebLock(suite, tuple(packages))
