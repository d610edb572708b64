"""Sysroots: Debian packages of a newer suite with the C library they need, unpacked in a folder.

There is one for each thing that comes from Debian, so that none is missing, or made again, because
of another.
"""

import platform
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import apt
from .command import run
from .deb_versions import choose_version
from .errors import SetupError
from .pins import PINS, parse_deb_lock
from .workspace import digest_of_inputs, read_stamp, write_stamp

LOCK = PINS / "debs.lock"
SYSTEM = "Linux x86_64"
PROGRAMS = Path("usr/bin")
SYSTEM_PROGRAMS = Path("usr/sbin")
LIBRARIES = Path("usr/lib/x86_64-linux-gnu")
LOADER = LIBRARIES / "ld-linux-x86-64.so.2"
SYSTEM_LOADER = Path("/lib64/ld-linux-x86-64.so.2")
# Manuals, changelogs and settings of other programs.
UNUSED = Path("usr/share")
# Symbols, by build id. Packages that hold some bring a debugging build of the program too.
DEBUG_FILES = Path("usr/lib/debug")
DEBUG_PACKAGE = re.compile(r"-dbg_")
NEEDED_BYTES = 600_000_000
REMEDY = "run scripts/setup again"


@dataclass(frozen=True)
class Sysroot:
    """What a sysroot is for. The lock file lists its packages under its name."""
    name: str
    content: str  # in the user's words
    files: tuple[Path, ...]  # without these it is made again
    finish: Callable  # (workspace, folder): makes what is in its final place ready, and tries it
    module: Path  # the source file that says all this
    alternative: str  # what to do where it cannot be had

    @property
    def component(self):
        return f"sysroots/{self.name}"

    def folder(self, workspace):
        return workspace.root / self.component


def read_lock():
    return parse_deb_lock(LOCK.read_text(), LOCK.name)


def inputs_of(workspace, sysroot):
    here, lock = Path(__file__), read_lock()
    return digest_of_inputs(lock.suite, lock.packages_of(sysroot.name), here,
                            here.with_name("apt.py"), here.with_name("deb_versions.py"),
                            sysroot.module, str(workspace.root))


def ensure(workspace, tools, sysroot):
    """The record of a sysroot, which is made when it is not there."""
    folder, inputs = sysroot.folder(workspace), inputs_of(workspace, sysroot)
    record = read_stamp(folder, inputs)
    if record and all((folder / path).exists() for path in (LOADER, *sysroot.files)):
        return record
    require_support(sysroot)
    workspace.require_space(NEEDED_BYTES)
    try:
        record = make(workspace, tools, sysroot)
    except SetupError as error:
        raise SetupError(f"{error}, or {sysroot.alternative}") from error
    write_stamp(folder, inputs, record)
    return record


def of_program(name, program, module, alternative):
    """A sysroot that is there for one program, which is tried once it is in place."""
    def finish(workspace, folder):
        run(workspace, [folder / program, "--version"],
            f"the {program.name} of the sysroot does not run", REMEDY)

    return Sysroot(name=name, content=program.name, files=(program,), finish=finish,
                   module=module, alternative=alternative)


def ensure_program(workspace, tools, sysroot):
    """The record of the program of such a sysroot, whose package has the sysroot's name."""
    debs = ensure(workspace, tools, sysroot)["debs"]
    version = next(deb["version"] for deb in debs if deb["name"] == sysroot.name)
    program, = sysroot.files
    return {"version": version, "executable": str(sysroot.folder(workspace) / program)}


def require_support(sysroot):
    if system_name() != SYSTEM:
        raise SetupError(f"{sysroot.content} is installed on {SYSTEM} only, and this is "
                         f"{system_name()}", sysroot.alternative)
    if not apt.is_available():
        raise SetupError(f"this system has no apt to get {sysroot.content} with",
                         sysroot.alternative)


def system_name():
    return f"{platform.system()} {platform.machine()}"


def make(workspace, tools, sysroot):
    folder, console, lock = sysroot.folder(workspace), workspace.console, read_lock()
    pins = lock.packages_of(sysroot.name)
    patchelf, mirror = tools.patchelf(), tools.apt(lock.suite)
    chosen, fallbacks = choose_all(pins, mirror.available([pin.name for pin in pins]))
    megabytes = sum(deb.size_bytes for deb in mirror.unfetched(chosen)) / 1e6
    with console.step(f"{sysroot.component}: downloading {megabytes:.0f} MB of Debian packages"):
        archives = mirror.download(chosen)
    if fallbacks:
        console.warn(f"{sysroot.component}: {fallback_line(fallbacks)}")
    with console.step(f"{sysroot.component}: unpacking"):
        built = unpack(workspace, sysroot, archives)
        point_to_own_libraries(workspace, patchelf, built, folder)
        workspace.move_in(built, folder)
    sysroot.finish(workspace, folder)
    return {
        "path": str(folder),
        "suite": lock.suite,
        "debs": [{"name": deb.name, "version": deb.version, "sha256": deb.sha256}
                 for deb in chosen],
        "fallbacks": fallbacks,
    }


def choose_all(pins, available):
    """The package version to take for every pin, and the list of those that are not the pinned."""
    chosen, fallbacks = [], []
    for pin in pins:
        deb = choose_version(pin, available)
        if deb is None:
            raise SetupError(
                f"the mirror has neither {pin.name} {pin.version} nor another release of that "
                "upstream version", "point apt at a mirror that has it")
        if deb.version == pin.version and deb.sha256 != pin.sha256:
            raise SetupError(
                f"{pin.name} {pin.version} on the mirror has sha256 {deb.sha256}, and "
                f"{LOCK.name} expects {pin.sha256}",
                "do not trust that mirror: point apt at another")
        if deb.version != pin.version:
            fallbacks.append({"package": pin.name, "pinned": pin.version,
                              "installed": deb.version, "sha256": deb.sha256})
        chosen.append(deb)
    return chosen, fallbacks


def fallback_line(fallbacks):
    changes = ", ".join(f"{fallback['package']} {fallback['installed']} instead of "
                        f"{fallback['pinned']}" for fallback in fallbacks)
    return f"the mirror no longer has every pinned package: took {changes}, verified by apt"


def unpack(workspace, sysroot, archives):
    built = workspace.fresh(sysroot.component)
    for archive in archives:
        folder = built
        if DEBUG_PACKAGE.search(archive.name):
            folder = workspace.fresh(f"{sysroot.component}-debug")
        run(workspace, ["dpkg-deb", "-x", archive, folder],
            f"{archive.name} cannot be unpacked", REMEDY)
        if folder is not built:
            shutil.copytree(folder / DEBUG_FILES, built / DEBUG_FILES, dirs_exist_ok=True)
            shutil.rmtree(folder)
    shutil.rmtree(built / UNUSED, ignore_errors=True)
    return built


def point_to_own_libraries(workspace, patchelf, built, folder):
    """Lets programs start through the sysroot's loader and libraries, from their final place.

    The path is a DT_RPATH, not a DT_RUNPATH: the libraries a program loads inherit it.
    """
    programs = elf_programs(built / PROGRAMS) + elf_programs(built / SYSTEM_PROGRAMS)
    if programs:
        run(workspace,
            [patchelf, "--set-interpreter", folder / LOADER,
             "--force-rpath", "--set-rpath", folder / LIBRARIES, *programs],
            f"the programs of {folder} cannot be prepared for it", REMEDY)
    # A library with a path of its own does not inherit: it would find the system's libraries, or
    # none.
    for library in sorted((built / LIBRARIES).glob("*.so*")):
        if library.is_symlink() or not library.is_file():
            continue
        own = run(workspace, [patchelf, "--print-rpath", library],
                  f"{library.name} cannot be read", REMEDY)
        if own.strip():
            run(workspace, [patchelf, "--remove-rpath", library],
                f"{library.name} cannot be prepared for {folder}", REMEDY)


def elf_programs(folder):
    """The executables that need a loader: no scripts, no links, none with all of it inside."""
    def names_a_loader(content):
        return content[:4] == b"\x7fELF" and bytes(SYSTEM_LOADER) + b"\0" in content

    found = sorted(folder.glob("*"))
    return [path for path in found
            if path.is_file() and not path.is_symlink() and names_a_loader(path.read_bytes())]


def remake_lock(tools):
    """Rewrites the versions and hashes of the lock file with what the mirror has now."""
    lock = read_lock()
    names = [pin.name for pin in lock.packages]
    available = {deb.name: deb for deb in tools.apt(lock.suite).available(names)}
    missing = [name for name in names if name not in available]
    if missing:
        raise SetupError(f"Debian {lock.suite} has no {', '.join(missing)} any more",
                         f"edit {LOCK.name}: replace or remove these lines")
    LOCK.write_text(with_versions(LOCK.read_text(), available))


def with_versions(text, available):
    """A lock file's text with other versions: comments and sections stay where they are."""
    lines = []
    for line in text.splitlines():
        deb = available.get(line.split(" ", 1)[0])
        lines.append(f"{deb.name} {deb.version} {deb.sha256}" if deb else line)
    return "\n".join(lines) + "\n"
