"""wasm-opt and its relatives, which rewrite modules for runtimes that lack a proposal."""

from pathlib import Path

from . import debian
from .command import run

NAME = "binaryen"
WASM_OPT = debian.PROGRAMS / "wasm-opt"


def check(workspace, folder):
    run(workspace, [folder / WASM_OPT, "--version"],
        "the wasm-opt of the sysroot does not run", debian.REMEDY)


SYSROOT = debian.Sysroot(
    name=NAME, content="wasm-opt", files=(WASM_OPT,), finish=check, module=Path(__file__),
    alternative="do without the targets whose guest is rewritten")


def ensure(workspace, tools):
    sysroot = debian.ensure(workspace, tools, SYSROOT)
    version = next(deb["version"] for deb in sysroot["debs"] if deb["name"] == NAME)
    return {"version": version, "executable": str(SYSROOT.folder(workspace) / WASM_OPT)}
