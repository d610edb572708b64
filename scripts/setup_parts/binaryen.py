"""wasm-opt and its relatives, which rewrite modules for runtimes that lack a proposal."""

from pathlib import Path

from . import debian

NAME = "binaryen"
SYSROOT = debian.of_program(NAME, debian.PROGRAMS / "wasm-opt", Path(__file__),
                            "do without the targets whose guest is rewritten")


def ensure(workspace, tools):
    return debian.ensure_program(workspace, tools, SYSROOT)
