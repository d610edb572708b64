"""libwasmedge with its headers: the system's own, or one in a sysroot; and where a build finds it.

The crate wasmedge-sys is pointed at `target/wasmedge`, which holds links only: a committed setting
can name it on any machine.

    include   the folder with wasmedge/wasmedge.h
    lib/      nothing but libwasmedge.so: the compiler itself searches this folder for libraries
    runtime   the sysroot's loader and libraries, which a runner has to start with; absent where
              the library is the system's own
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from . import debian
from .command import run
from .errors import SetupError
from .pins import REPOSITORY

NAME = "wasmedge"
OLDEST = (0, 16)
HEADER = Path("wasmedge/version.h")
SYSTEM_INCLUDES = (Path("/usr/include"), Path("/usr/local/include"))
INCLUDE = Path("usr/include")
LIBRARY = debian.LIBRARIES / "libwasmedge.so"
TARGET = REPOSITORY / "target"
# What cargo writes when it makes that folder: backups leave it out, `cargo clean` knows it.
CACHE_TAG = "Signature: 8a477f597d28d172789f06886806bc55\n"

# Run by any Python, started through the sysroot's loader where the library is the sysroot's.
LOADING = """
import ctypes, sys
wasmedge = ctypes.CDLL(sys.argv[1])
wasmedge.WasmEdge_VersionGet.restype = ctypes.c_char_p
print(wasmedge.WasmEdge_VersionGet().decode())
"""


def load(workspace, folder):
    loaded_version(workspace, folder / LIBRARY,
                   [folder / debian.LOADER, "--library-path", folder / debian.LIBRARIES])


SYSROOT = debian.Sysroot(
    name=NAME, content="libwasmedge", files=(LIBRARY, INCLUDE / HEADER), finish=load,
    module=Path(__file__),
    alternative="install libwasmedge 0.16 or newer with its headers on this machine")


def ensure(workspace, tools):
    try:
        record = find(workspace) or install(workspace, tools)
    except SetupError:
        # No build shall find what is not there.
        shutil.rmtree(TARGET / NAME, ignore_errors=True)
        raise
    if links_in(TARGET / NAME) != wanted_links(record):
        with workspace.console.step(f"{NAME}: linking it into {TARGET / NAME}"):
            link(record)
    return record


def find(workspace):
    """The system's own library, when it is recent enough and its headers are those of it."""
    for include in SYSTEM_INCLUDES:
        version = header_version(include)
        if version is None or numbers(version) < OLDEST:
            continue
        for library in system_libraries():
            try:
                loaded = loaded_version(workspace, library)
            except SetupError:
                continue
            if loaded == version:
                return {"origin": "system", "version": version, "include": str(include),
                        "library": os.path.realpath(library), "runtime": None}
    return None


def install(workspace, tools):
    debian.ensure(workspace, tools, SYSROOT)
    folder = SYSROOT.folder(workspace)
    return {
        "origin": "sysroot",
        "version": header_version(folder / INCLUDE),
        "include": str(folder / INCLUDE),
        "library": os.path.realpath(folder / LIBRARY),
        "runtime": str(folder / debian.LIBRARIES),
    }


def header_version(include):
    try:
        text = (include / HEADER).read_text()
    except OSError:
        return None
    found = re.search(r'^#define WASMEDGE_VERSION "(\d+\.\d+[^"]*)"', text, re.MULTILINE)
    return found and found[1]


def numbers(version):
    return tuple(map(int, version.split(".")[:2]))


def system_libraries():
    """Every libwasmedge that programs of this system would find."""
    # Debian keeps ldconfig where only root's search path leads.
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))
    ldconfig = shutil.which("ldconfig", path=path)
    if not ldconfig:
        return []
    listing = subprocess.run([ldconfig, "-p"], stdin=subprocess.DEVNULL, capture_output=True,
                             text=True)
    return re.findall(r"^\s*libwasmedge\.so\S* \(.*\) => (.+)$", listing.stdout, re.MULTILINE)


def loaded_version(workspace, library, loader=()):
    """The version a library gives itself once it is loaded, with all that it needs."""
    return run(workspace, [*loader, sys.executable, "-I", "-c", LOADING, library],
               f"{library} cannot be loaded", debian.REMEDY).strip()


def wanted_links(record):
    wanted = {"include": record["include"], "lib/libwasmedge.so": record["library"]}
    return wanted | ({"runtime": record["runtime"]} if record["runtime"] else {})


def links_in(folder):
    """path -> where it leads, for all that is in the folder; None for what is no link"""
    found = {}
    for place, folders, names in os.walk(folder):
        for path in (Path(place, name) for name in (*folders, *names)):
            if path.is_symlink() or not path.is_dir():
                found[str(path.relative_to(folder))] = \
                    os.readlink(path) if path.is_symlink() else None
    return found


def link(record):
    folder = TARGET / NAME
    try:
        if not TARGET.exists():
            TARGET.mkdir()
            (TARGET / "CACHEDIR.TAG").write_text(CACHE_TAG)
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "lib").mkdir(parents=True)
        for name, destination in wanted_links(record).items():
            (folder / name).symlink_to(destination)
    except OSError as error:
        raise SetupError(f"{folder} cannot be made ({error.strerror})",
                         "make the source tree writable") from error
