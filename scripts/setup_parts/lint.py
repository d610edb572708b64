"""What the tests of the CI files need: schemas of those that read them, and shellcheck."""

import os
import sys
from pathlib import Path

from . import venv
from .command import run
from .pins import PINS, download_megabytes, parse_requirements
from .tools import VENV_REMEDY
from .workspace import digest_of_inputs, read_stamp, write_stamp

NAME = "lint"
REQUIREMENTS = PINS / "lint-requirements.txt"
CHECK = "import check_jsonschema, kubernetes_validate, yaml"


def python_of(root):
    return root / NAME / "bin" / "python"


def ensure(workspace, tools):
    folder = workspace.root / NAME
    inputs = digest_of_inputs(REQUIREMENTS, Path(__file__), str(folder), sys.version)
    record = read_stamp(folder, inputs)
    python = python_of(workspace.root)
    if record and os.access(python, os.X_OK):
        return record
    tools.ensure()
    text = REQUIREMENTS.read_text()
    packages = parse_requirements(text)
    built = workspace.fresh(NAME)
    with workspace.console.step(f"{NAME}: installing schemas and shellcheck "
                                f"({download_megabytes(text)} MB to download)",
                                growing=workspace.partial):
        new_python = venv.make(workspace, sys.executable, built, VENV_REMEDY, ["--without-pip"])
        tools.pip("install", "--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:",
                  "-r", REQUIREMENTS, python=new_python,
                  failure="the tools that check the CI files cannot be installed")
        venv.rename_in_scripts(built, folder)
        workspace.move_in(built, folder)
    for command in ([python, "-c", CHECK], [folder / "bin" / "shellcheck", "--version"]):
        run(workspace, command, f"{command[0]} was installed and does not run",
            "remove the cache folder and run scripts/setup again")
    record = {
        "path": str(folder),
        "executable": str(python),
        "packages": {package.name: {"version": package.version} for package in packages},
    }
    write_stamp(folder, inputs, record)
    return record
