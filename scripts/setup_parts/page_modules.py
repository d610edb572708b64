"""Packages of npm whose files pages load as they are: each in a folder, file beside file."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from . import guest_sources
from .guest_sources import NpmPackage
from .pins import PINS
from .workspace import digest_of_inputs, read_stamp, write_stamp


@dataclass(frozen=True)
class PageModules:
    name: str  # of its folder
    package: NpmPackage
    entry: str  # the module that pages name
    members: tuple[str, ...]  # patterns of paths in the package
    left_out: tuple[str, ...] = ()  # patterns of names among them


# WASI for guests in a browser.
BROWSER_WASI = PageModules(
    name="browser-wasi",
    package=NpmPackage("@bjorn3/browser_wasi_shim", PINS / "browser-wasi-npm", megabytes=0.03),
    entry="index.js",
    members=("dist/*.js", "LICENSE-*"))

# Its entry imports every plugin at its start, wanted or not; what an editor and a terminal are made
# of is loaded once a page has one.
PYSCRIPT = PageModules(
    name="pyscript",
    package=NpmPackage("@pyscript/core", PINS / "pyscript-npm", megabytes=2),
    entry="core.js",
    members=("dist/*.js", "dist/core.css", "LICENSE", "src/3rd-party-licenses/toml.license.txt"),
    left_out=("codemirror*", "index-*", "xterm*"))

# What runs ONNX models in pages and in Node: of its many builds the one for WebAssembly alone.
ONNX_RUNTIME_WEB = PageModules(
    name="onnxruntime-web",
    package=NpmPackage("onnxruntime-web", PINS / "onnxruntime-web-npm", megabytes=33),
    entry="ort.wasm.bundle.min.mjs",
    members=("dist/ort.wasm.bundle.min.mjs", "dist/ort-wasm-simd-threaded.wasm"))

ALL = (BROWSER_WASI, PYSCRIPT, ONNX_RUNTIME_WEB)


def ensure(workspace, tools, modules):
    folder = workspace.root / modules.name
    inputs = digest_of_inputs(*modules.package.pins, Path(__file__), Path(guest_sources.__file__))
    record = read_stamp(folder, inputs)
    if record and (folder / modules.entry).is_file():
        return record
    installer = modules.package.installer(workspace, tools)
    with workspace.console.step(f"{modules.name}: downloading {modules.package} "
                                f"({modules.package.megabytes} MB)", growing=workspace.partial):
        package = modules.package.download(workspace, installer)
    built = workspace.fresh(modules.name)
    for path in files_of(modules, package):
        shutil.copy(path, built)
    workspace.move_in(built, folder)
    record = {"path": str(folder), **modules.package.record()}
    write_stamp(folder, inputs, record)
    return record


def files_of(modules, package):
    """Its files in an unpacked package."""
    found = (path for pattern in modules.members for path in sorted(package.glob(pattern)))
    return [path for path in found if not any(map(path.match, modules.left_out))]
