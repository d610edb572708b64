"""WASI for guests in a browser: the modules of an npm package, which pages load as they are."""

import shutil
from pathlib import Path

from . import guest_sources
from .guest_sources import NpmPackage
from .pins import PINS
from .workspace import digest_of_inputs, read_stamp, write_stamp

NAME = "browser-wasi"
PACKAGE = NpmPackage("@bjorn3/browser_wasi_shim", PINS / "browser-wasi-npm", megabytes=0.03)
ENTRY = "index.js"
MODULES = "dist"
LICENSES = "LICENSE-*"


def ensure(workspace, tools):
    folder = workspace.root / NAME
    inputs = digest_of_inputs(*PACKAGE.pins, Path(__file__), Path(guest_sources.__file__))
    record = read_stamp(folder, inputs)
    if record and (folder / ENTRY).is_file():
        return record
    installer = PACKAGE.installer(workspace, tools)
    with workspace.console.step(f"{NAME}: downloading {PACKAGE}", growing=workspace.partial):
        package = PACKAGE.download(workspace, installer)
    built = workspace.fresh(NAME)
    for path in [*(package / MODULES).glob("*.js"), *package.glob(LICENSES)]:
        shutil.copy(path, built)
    workspace.move_in(built, folder)
    record = {"path": str(folder), **PACKAGE.record()}
    write_stamp(folder, inputs, record)
    return record
