"""runc, which starts containers: what a deployment of a guest is weighed against."""

from pathlib import Path

from . import debian

NAME = "runc"
SYSROOT = debian.of_program(NAME, debian.SYSTEM_PROGRAMS / "runc", Path(__file__),
                            "do without the container beside a deployment's rungs")


def ensure(workspace, tools):
    return debian.ensure_program(workspace, tools, SYSROOT)
