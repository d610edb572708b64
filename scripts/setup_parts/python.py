"""The native interpreter: CPython 3.15 with the guest's package versions, or the user's own."""

import json
import os
import shutil
import subprocess
import tomllib
from pathlib import Path

from . import debian, venv
from .command import clean_environment, run
from .errors import SetupError
from .pins import PINS, REPOSITORY, download_megabytes, parse_requirements
from .workspace import digest_of_inputs, read_stamp, write_stamp

NAME = "python-3.15"
OVERRIDE = "WASMFIT_PYTHON"
REQUIREMENTS = PINS / "native-requirements.txt"
GUEST_DESCRIPTION = REPOSITORY / "guests" / "cpython-3.15" / "guest.toml"
OLDEST_SUPPORTED = (3, 11)
COMPARED_PACKAGES = ("numpy", "scipy", "scikit-learn")
NEEDED_BYTES = 700_000_000
REPLACEMENT = ("to the python of a virtual environment (CPython 3.11 or newer) that has numpy, "
               "scipy and scikit-learn")
INTERPRETER = debian.PROGRAMS / "python3.15"
STANDARD_LIBRARY = Path("usr/lib/python3.15")

# Run by the interpreter in question, which may be any Python: keep it plain.
PROBE = """
import json, os, platform, sys, sysconfig
versions = {}
for name in ("numpy", "scipy", "scikit-learn"):
    try:
        from importlib import metadata
        versions[name] = metadata.version(name)
    except ImportError:
        pass
print(json.dumps({
    "implementation": platform.python_implementation(),
    "python": platform.python_version(),
    "program": os.path.realpath(sys.executable),
    "release": list(sys.version_info[:2]),
    "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    "packages": versions,
}))
"""

# What a workload may rely on: the packages, their shared libraries, and processes of its own.
WORKING_CHECK = """
import multiprocessing, numpy, scipy.linalg, sklearn.linear_model
if __name__ == "__main__":
    numpy.linalg.inv(numpy.eye(8))
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map(abs, [-1, 2]) == [1, 2]
"""


# Every extension module of the standard library that the packages of the lock file serve.
LIBRARY_CHECK = "import bz2, ctypes, hashlib, lzma, multiprocessing, pyexpat, ssl, zlib; " \
                "from compression import zstd; print('complete')"


def finish_sysroot(workspace, folder):
    """Tries the interpreter, and does what Debian's own installation does last: without compiled
    bytecode every start compiles what it imports, and native cold starts come out several times too
    slow."""
    run(workspace, [folder / INTERPRETER, "-c", LIBRARY_CHECK],
        "the python3.15 of the sysroot does not run", debian.REMEDY)
    with workspace.console.step(f"{SYSROOT.component}: compiling the standard library"):
        run(workspace,
            [folder / INTERPRETER, "-I", "-m", "compileall", "-q", "-j", "0",
             folder / STANDARD_LIBRARY],
            "the standard library of the sysroot's python3.15 does not compile", debian.REMEDY)


SYSROOT = debian.Sysroot(
    name="python", content="python3.15", files=(INTERPRETER, debian.DEBUG_FILES / ".build-id"),
    finish=finish_sysroot, module=Path(__file__), alternative=f"set {OVERRIDE} {REPLACEMENT}")


def executable_of(root):
    return root / NAME / "bin" / "python"


def ensure(workspace, tools, environment):
    chosen = environment.get(OVERRIDE)
    if chosen:
        return check_override(chosen)
    starter = find_interpreter(workspace.root)
    folder = workspace.root / NAME
    inputs = digest_of_inputs(REQUIREMENTS, Path(__file__), str(workspace.root),
                              starter or debian.inputs_of(workspace, SYSROOT))
    record = read_stamp(folder, inputs)
    python = executable_of(workspace.root)
    if record and os.access(python, os.X_OK):
        return record
    if starter is None:
        debian.require_support(SYSROOT)
    workspace.require_space(NEEDED_BYTES)
    tools.ensure()
    if starter is None:
        debian.ensure(workspace, tools, SYSROOT)
        origin, starter = "sysroot", SYSROOT.folder(workspace) / INTERPRETER
    else:
        origin = "system"
    packages = build(workspace, tools, starter, folder)
    with workspace.console.step(f"{NAME}: checking"):
        run(workspace, [python, "-c", WORKING_CHECK],
            f"{python} was installed and does not work", f"set {OVERRIDE} to a Python of your own")
        found = probe(python)
    record = {
        "path": str(folder),
        "executable": str(python),
        "origin": origin,
        "interpreter": str(starter),
        "python": found["python"],
        "packages": packages,
    }
    write_stamp(folder, inputs, record)
    return record


def find_interpreter(root):
    """A python3.15 of the system that cp315 wheels fit, behind any link, shim or environment."""
    found = shutil.which("python3.15") if debian.system_name() == debian.SYSTEM else None
    if not found:
        return None
    try:
        facts = probe(found)
    except SetupError:
        return None
    fits = (facts["implementation"] == "CPython" and facts["release"] == [3, 15]
            and not facts["free_threaded"])
    # With our own environment activated, the python3.15 found is the one that is to be built.
    ours = Path(facts["program"]).is_relative_to(root.resolve())
    return facts["program"] if fits and not ours else None


def build(workspace, tools, starter, folder):
    """Makes the virtual environment; returns its packages with version and sha256."""
    text = REQUIREMENTS.read_text()
    packages = parse_requirements(text)
    built = workspace.fresh(NAME)
    console = workspace.console
    python = venv.make(workspace, starter, built, f"set {OVERRIDE} to a Python of your own",
                       ["--without-pip"])
    names = ", ".join(f"{package.name} {package.version}" for package in packages
                      if package.name in COMPARED_PACKAGES)
    with console.step(f"{NAME}: installing {names} "
                      f"({download_megabytes(text)} MB to download)", growing=workspace.partial):
        tools.pip("install", "--quiet", "--require-hashes", "--only-binary", ":all:",
                  "-r", REQUIREMENTS, python=python,
                  failure="the native packages cannot be installed")
        venv.rename_in_scripts(built, folder)
        workspace.move_in(built, folder)
    return {package.name: {"version": package.version, "sha256": package.sha256}
            for package in packages}


def probe(python):
    """What an interpreter says it is; a SetupError when it does not answer."""
    try:
        finished = subprocess.run([str(python), "-c", PROBE], env=clean_environment(),
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                  timeout=60)
        return json.loads(finished.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise SetupError(f"{python} does not run as a Python ({type(error).__name__})") from error


def check_override(chosen):
    """The user's own Python: nothing is installed, everything it lacks is said."""
    remedy = f"set it {REPLACEMENT}, or unset it to have one installed"
    found = shutil.which(os.path.expanduser(chosen))
    if not found:
        raise SetupError(f"{OVERRIDE}={chosen} is no program", remedy)
    try:
        facts = probe(found)
    except SetupError as error:
        raise SetupError(f"{OVERRIDE}: {error}", remedy) from error
    release = ".".join(map(str, OLDEST_SUPPORTED))
    if facts["implementation"] != "CPython" or tuple(facts["release"]) < OLDEST_SUPPORTED:
        raise SetupError(
            f"{OVERRIDE}={chosen} is {facts['implementation']} {facts['python']}, and CPython "
            f"{release} or newer is needed", remedy)
    versions = facts["packages"]
    if "numpy" not in versions:
        wanted = ", ".join(f"{name} {version}" for name, version in guest_versions().items())
        raise SetupError(f"{OVERRIDE}={chosen} has no numpy",
                         f"install it: {chosen} -m pip install {' '.join(COMPARED_PACKAGES)} "
                         f"(the guest has {wanted})")
    return {
        "executable": os.path.abspath(found),
        "origin": OVERRIDE,
        "python": facts["python"],
        "packages": {name: {"version": version} for name, version in versions.items()},
    }


def guest_versions():
    description = tomllib.loads(GUEST_DESCRIPTION.read_text())
    packages = description["packages"]
    return {"python": description["python"],
            **{name: packages[name] for name in COMPARED_PACKAGES}}


def differences(native):
    """One line per version in which the two sides differ."""
    for name, version in guest_versions().items():
        if name not in native:
            yield f"the native side has no {name}; the guest has {version}"
        elif native[name] != version:
            yield f"the native side has {name} {native[name]}; the guest has {version}"
