"""Virtual environments that are built in one folder and used in another."""

import os

from .command import run


def make(workspace, python, built, remedy, options=()):
    run(workspace, [python, "-m", "venv", *options, built],
        f"{python} cannot make a virtual environment", remedy)
    return built / "bin" / "python"


def rename_in_scripts(built, folder):
    """Scripts of a virtual environment name its folder: let them name the final one."""
    before, after = os.fsencode(built), os.fsencode(folder)
    for path in [built / "pyvenv.cfg", *(built / "bin").iterdir()]:
        if path.is_symlink() or not path.is_file():
            continue
        content = path.read_bytes()
        if before in content:
            path.write_bytes(content.replace(before, after))
