"""runc, which starts containers: what a deployment of a guest is weighed against."""

from pathlib import Path

from . import debian
from .command import run

NAME = "runc"
PROGRAM = debian.SYSTEM_PROGRAMS / "runc"


def check(workspace, folder):
    run(workspace, [folder / PROGRAM, "--version"],
        "the runc of the sysroot does not run", debian.REMEDY)


SYSROOT = debian.Sysroot(
    name=NAME, content="runc", files=(PROGRAM,), finish=check, module=Path(__file__),
    alternative="do without the container beside a deployment's rungs")


def ensure(workspace, tools):
    sysroot = debian.ensure(workspace, tools, SYSROOT)
    version = next(deb["version"] for deb in sysroot["debs"] if deb["name"] == NAME)
    return {"version": version, "executable": str(SYSROOT.folder(workspace) / PROGRAM)}
