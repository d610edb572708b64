"""Pyodide with packages: the wheels of an index of the user's own.

Its compiled wheels are in no package registry. An index is what Pyodide's own distributions are: a
folder, or the URL of one, with `pyodide-lock.json` and the files which that names.
"""

import hashlib
import http.client
import json
import re
import tomllib
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from . import guest, guest_sources
from .console import in_words
from .errors import SetupError
from .pins import REPOSITORY
from .workspace import digest_of_inputs, read_stamp, sha256_of_file, write_stamp

GUEST = guest.PYODIDE_3_14
OPTION = "--pyodide-index"
NO_INDEX = "none"
LOCK_NAME = "pyodide-lock.json"
LOCK = f"lib/{LOCK_NAME}"
PLATFORM_KEYS = ("abi_version", "arch", "platform")
# What is written into addresses and descriptions as it is.
FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+!~-]*")
PACKAGE_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
SHA256 = re.compile(r"[0-9a-f]{64}")
NEEDED_BYTES = GUEST.needed_bytes + 200_000_000
TIMEOUT_SECONDS = 60
REMEDY = f"check the index, or have the guest without packages: {OPTION} {NO_INDEX}"


@dataclass(frozen=True)
class Wish:
    """What the command line says, or said when the guest was installed."""
    address: str  # of the index, or NO_INDEX
    named: tuple[str, ...] = ()  # packages to take, whether workloads import them or not


@dataclass(frozen=True)
class Index:
    address: str
    info: dict
    packages: dict[str, dict]  # normalized name -> entry of the lock

    @property
    def lock(self):
        return f"{self.address}/{LOCK_NAME}"


@dataclass(frozen=True)
class Package:
    name: str
    address: str  # of its file
    entry: dict  # of the guest's lock

    @property
    def path(self):
        return f"lib/{self.entry['file_name']}"


def wish_of(options, environment):
    if options.pyodide_index is None:
        return None
    if environment.get(guest.OVERRIDE):
        raise SetupError(f"{OPTION} installs a guest, and with {guest.OVERRIDE} none is installed",
                         f"unset {guest.OVERRIDE}, or leave {OPTION} out")
    if options.pyodide_index == NO_INDEX:
        return Wish(NO_INDEX)
    return Wish(absolute(options.pyodide_index), tuple(map(normalized, options.pyodide_package)))


def ensure(workspace, tools, environment, wish):
    """wish: None leaves it as an earlier one made it."""
    folder = workspace.root / GUEST.component
    standing = (read_stamp(folder) or {}).get("index")
    keeps = wish is None and standing is not None and not environment.get(guest.OVERRIDE)
    if keeps:
        wish = Wish(standing["address"], tuple(standing["named"]))
    if wish is None or wish.address == NO_INDEX:
        return guest.ensure(workspace, tools, environment, GUEST)
    inputs = digest_of_inputs(*GUEST.source.pins, GUEST.description, Path(guest.__file__),
                              Path(guest_sources.__file__), Path(__file__))
    record = read_stamp(folder, inputs)
    if record and not guest.is_intact(workspace.console, GUEST, folder, inputs, record):
        record = None
    if record and keeps:
        return record
    index = read_index(wish.address)
    packages = choose(index, wish.named, imported_packages(), workspace.console)
    if record and standing == standing_of(wish, packages) and holds(folder, index, packages):
        return record
    record = install(workspace, tools, folder, index, packages)
    record["index"] = standing_of(wish, packages)
    write_stamp(folder, inputs, record)
    return record


def standing_of(wish, packages):
    """What a stamp tells of an index."""
    return {"address": wish.address, "named": list(wish.named),
            "packages": {it.name: it.entry["version"] for it in packages}}


def note(record):
    """What is said of a guest beside where it is."""
    if "index" not in record:
        return ""
    standing = record["index"]
    return (f" (with {counted(standing['packages'])} of {standing['address']}, and stays so: "
            f"{OPTION} {NO_INDEX} takes them out)")


def counted(packages):
    return f"{len(packages)} package{'' if len(packages) == 1 else 's'}"


def normalized(name):
    """As Pyodide looks packages up."""
    return re.sub(r"[-_.]+", "-", name).lower()


def absolute(address):
    scheme, separator, _ = address.partition("://")
    if not is_plain(address) or (separator and scheme.lower() not in ("http", "https")):
        raise SetupError(f"{OPTION} {address!r} is neither a folder nor an http(s) URL",
                         f"name one that holds {LOCK_NAME} and the wheels it names")
    return address.rstrip("/") if separator else str(Path(address).expanduser().absolute())


def imported_packages():
    """By their import names: what workloads and payloads across the boundary list."""
    names = set()
    patterns = ("workloads/*/workload.toml", "boundary/*.toml")
    for path in (it for pattern in patterns for it in REPOSITORY.glob(pattern)):
        try:
            names.update(tomllib.loads(path.read_text())["packages"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SetupError(f"the packages that {path} lists cannot be read ({error})",
                             "correct it") from error
    return sorted(names)


def read_index(address):
    source = f"{address}/{LOCK_NAME}"
    text = b"".join(pieces(source))
    try:
        lock = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SetupError(f"{source} is no JSON ({error})", REMEDY) from error
    info, packages = (lock.get(key) if isinstance(lock, dict) else None
                      for key in ("info", "packages"))
    if not isinstance(info, dict) or not isinstance(packages, dict):
        raise SetupError(f"{source} has no info or no packages, which a lock of Pyodide's has",
                         REMEDY)
    for key in PLATFORM_KEYS:
        if not isinstance(info.get(key), str):
            raise SetupError(f"{source} does not say its {key}", REMEDY)
    for name, entry in packages.items():
        for key in ("depends", "imports"):
            found = entry.get(key) if isinstance(entry, dict) else None
            if not isinstance(found, list) or not all(map(is_plain, found)):
                raise SetupError(f"{source} does not say the {key} of {name}", REMEDY)
    return Index(address, info, {normalized(name): entry for name, entry in packages.items()})


def is_plain(text):
    return isinstance(text, str) and text.isprintable() and text != ""


def choose(index, named, imports, console):
    """The named packages, those of the imports, and what they depend on; says what is lacking."""
    for name in named:
        if lacking := sorted(reach(index, name) - index.packages.keys()):
            why = "" if name in lacking else f", which {name} depends on"
            raise SetupError(f"{index.lock} has no {in_words(lacking)}{why}",
                             f"leave {name} out, or name another index")
    # As Pyodide reads it: the last one counts.
    names = {it: name for name, entry in index.packages.items() for it in entry["imports"]}
    taken = {it for name in named for it in reach(index, name)}
    for name in sorted({names[it] for it in imports if it in names}):
        reached = reach(index, name)
        if lacking := reached - index.packages.keys():
            console.say(f"{GUEST.component}: {name} is left out: the index has no "
                        f"{in_words(sorted(lacking))}, which it depends on")
        else:
            taken |= reached
    if not taken:
        raise SetupError(f"{index.lock} has none of what workloads import: {', '.join(imports)}",
                         "name an index that has, or packages of this one: --pyodide-package NAME")
    if absent := [it for it in imports if it not in names]:
        console.say(f"{GUEST.component}: the index has no {in_words(absent)}: workloads that "
                    "import what is not there are not measured on this guest")
    return packages_of(index, sorted(taken))


def reach(index, name):
    """A package and all it depends on, whether the index has them or not."""
    reached, waiting = set(), [name]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += map(normalized, index.packages.get(name, {}).get("depends", ()))
    return reached


def packages_of(index, names):
    packages = [package_of(index, name) for name in names]
    owners = {path: "Pyodide itself" for path in GUEST.members}
    for package in packages:
        owner = owners.setdefault(package.path, package.name)
        if owner != package.name:
            raise SetupError(f"{index.lock} names {package.entry['file_name']} as the file of "
                             f"{package.name}, and {owner} has one of that name", REMEDY)
    return packages


def package_of(index, name):
    entry = index.packages[name]
    if not PACKAGE_NAME.fullmatch(name):
        raise SetupError(f"{index.lock}: {name!r} is no name of a package", REMEDY)
    for key in ("name", "version", "file_name", "sha256", "install_dir"):
        if not is_plain(entry.get(key)):
            raise SetupError(f"{index.lock} does not say the {key} of {name}", REMEDY)
    if not SHA256.fullmatch(entry["sha256"]):
        raise SetupError(f"{index.lock}: the sha256 of {name} is none: {entry['sha256']}", REMEDY)
    address = address_in(index, entry["file_name"])
    path = urllib.parse.unquote(re.split("[?#]", address)[0]) if is_url(address) else address
    file_name = path.rsplit("/", 1)[-1]
    if not FILE_NAME.fullmatch(file_name):
        raise SetupError(f"{index.lock}: {file_name!r} is no name for the file of {name}", REMEDY)
    return Package(name, address, entry | {"file_name": file_name})


def address_in(index, file_name):
    """Where a file is that a lock names: below the index, or at a URL of its own."""
    if is_url(file_name):
        return file_name
    path = PurePosixPath(file_name)
    if "://" in file_name or "\\" in file_name or path.is_absolute() or ".." in path.parts:
        raise SetupError(f"{index.lock} names the file {file_name}, which is not in the index",
                         REMEDY)
    if is_url(index.address):
        file_name = urllib.parse.quote(file_name, safe="/+!~")
    return f"{index.address}/{file_name}"


def is_url(address):
    return address.lower().startswith(("http://", "https://"))


def holds(folder, index, packages):
    """Whether the guest that is there, whose files are intact, is what the index would make."""
    lock = json.loads((folder / LOCK).read_text())
    return platform(lock["info"]) == platform(index.info) and lock["packages"] == entries(packages)


def platform(info):
    return {key: info[key] for key in PLATFORM_KEYS}


def entries(packages):
    return {it.name: it.entry for it in packages}


def install(workspace, tools, folder, index, packages):
    built, hashes = guest.build(workspace, tools, GUEST, NEEDED_BYTES)
    core = json.loads((built / LOCK).read_text())
    require_platform(index, core["info"])
    with workspace.console.step(
            f"{GUEST.component}: taking {counted(packages)} of {index.address}",
            growing=workspace.partial):
        for package in packages:
            fetch(index, package, built / package.path)
            hashes[package.path] = package.entry["sha256"]
    (built / LOCK).write_text(json.dumps(core | {"packages": entries(packages)}))
    hashes[LOCK] = sha256_of_file(built / LOCK)
    (built / guest.DESCRIPTION_NAME).write_text(description(packages, hashes), encoding="utf-8")
    workspace.move_in(built, folder)
    return {"path": str(folder), **GUEST.source.record(),
            "files": guest.file_facts(folder, hashes)}


def require_platform(index, info):
    if platform(index.info) != platform(info):
        theirs, ours = (", ".join(platform(it).values()) for it in (index.info, info))
        raise SetupError(f"{index.lock} is for {theirs}, and {GUEST.source} is {ours}",
                         f"name an index for {GUEST.source}: abi_version {info['abi_version']}")


def fetch(index, package, target):
    digest = hashlib.sha256()
    with open(target, "wb") as copy:
        for piece in pieces(package.address):
            digest.update(piece)
            copy.write(piece)
    if digest.hexdigest() != package.entry["sha256"]:
        raise SetupError(f"{package.address} has sha256 {digest.hexdigest()}, and {index.lock} "
                         f"says {package.entry['sha256']}", REMEDY)


def pieces(address):
    """What lies at a path or a URL, bit by bit."""
    try:
        source = (urllib.request.urlopen(address, timeout=TIMEOUT_SECONDS) if is_url(address)
                  else open(address, "rb"))
        with source:
            while piece := source.read(guest.COPY_CHUNK_BYTES):
                yield piece
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise SetupError(f"{address} cannot be read: {reason(error)}", REMEDY) from error


def reason(error):
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP {error.code} {error.reason}"
    if isinstance(error, urllib.error.URLError) and isinstance(error.reason, Exception):
        return reason(error.reason)
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def description(packages, hashes):
    """The guest.toml of the repository, with what the packages add."""
    manifest = tomllib.loads(GUEST.description.read_text())
    title = manifest["title"].removesuffix(", without packages")
    manifest |= {
        "title": f"{title}, with {counted(packages)} of an index of your own",
        "packages": {it.name: it.entry["version"] for it in packages},
        # A package that is listed here has no other imports, not even by its own name.
        "imports": {name: it.name for it in packages for name in it.entry["imports"]
                    if it.entry["imports"] != [it.name]},
        "files": hashes,
    }
    text = f"# Made by scripts/setup {OPTION}.\n{as_toml(manifest)}"
    try:
        is_read_back = tomllib.loads(text) == manifest
    except ValueError:
        is_read_back = False
    if not is_read_back:
        raise SetupError(f"{GUEST.description} cannot be written anew for other packages",
                         "report this")
    return text


def as_toml(manifest):
    """For texts, truths, lists of them, and tables of them."""
    values = [f"{name} = {quoted(value)}\n" for name, value in manifest.items()
              if not isinstance(value, dict)]
    tables = [f"\n[{name}]\n" + "".join(f"{quoted(key)} = {quoted(value)}\n"
                                        for key, value in table.items())
              for name, table in manifest.items() if isinstance(table, dict)]
    return "".join(values + tables)


def quoted(value):
    # Printable texts are quoted in TOML as in JSON.
    return json.dumps(value, ensure_ascii=False)
