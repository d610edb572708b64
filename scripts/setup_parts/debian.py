"""Debian packages of another suite, unpacked in a private folder; the system stays as it is.

apt does the work with lists of its own, against an empty system, from the mirror the machine
already uses, and verifies every index against Debian's keyring.
"""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

from .command import clean_environment, last_words, run
from .deb_versions import AvailableDeb, choose_version
from .errors import SetupError
from .pins import PINS, parse_deb_lock
from .workspace import digest_of_inputs, read_stamp, sha256_of_file, write_stamp

LOCK = PINS / "debs.lock"
KEYRINGS = ("/usr/share/keyrings/debian-archive-keyring.pgp",
            "/usr/share/keyrings/debian-archive-keyring.gpg")
LIBRARIES = Path("usr/lib/x86_64-linux-gnu")
LOADER = LIBRARIES / "ld-linux-x86-64.so.2"
INTERPRETER = Path("usr/bin/python3.15")
STANDARD_LIBRARY = Path("usr/lib/python3.15")
NEEDED_BYTES = 300_000_000
REMEDY = ("check the network and the apt sources of this machine and run it again, or set "
          "WASMFIT_PYTHON to a Python of your own that has numpy, scipy and scikit-learn")
# Every extension module of the standard library that the packages of the lock file serve.
LIBRARY_CHECK = "import bz2, ctypes, hashlib, lzma, multiprocessing, pyexpat, ssl, zlib; " \
                "from compression import zstd; print('complete')"


def is_available():
    return all(shutil.which(tool) for tool in ("apt-get", "apt-cache", "apt-config", "dpkg-deb"))


def folder_of(workspace):
    return workspace.root / "sysroot"


def inputs_of(workspace):
    here = Path(__file__)
    return digest_of_inputs(LOCK, here, here.with_name("deb_versions.py"),
                            str(workspace.root))


def ensure(workspace, tools):
    """The record of the sysroot that holds python3.15, which is made when it is not there."""
    folder, inputs = folder_of(workspace), inputs_of(workspace)
    record = read_stamp(folder, inputs)
    if record and (folder / INTERPRETER).is_file() and (folder / LOADER).is_file():
        return record
    workspace.require_space(NEEDED_BYTES)
    tools.ensure()
    lock = parse_deb_lock(LOCK.read_text(), LOCK.name)
    apt = PrivateApt(workspace, lock.suite)
    with workspace.console.step(f"sysroot: reading the package index of Debian {lock.suite}"):
        apt.update()
    chosen, fallbacks = choose_all(lock, apt.available([pin.name for pin in lock.packages]))
    megabytes = sum(deb.size_bytes for deb in chosen) / 1e6
    with workspace.console.step(
            f"sysroot: downloading {len(chosen)} Debian packages, {megabytes:.0f} MB"):
        archives = apt.download(chosen)
    if fallbacks:
        workspace.console.warn(fallback_line(fallbacks))
    with workspace.console.step("sysroot: unpacking"):
        built = unpack(workspace, archives)
        point_to_own_libraries(workspace, tools, built / INTERPRETER, folder)
        workspace.move_in(built, folder)
    run(workspace, [folder / INTERPRETER, "-c", LIBRARY_CHECK],
        "the python3.15 of the sysroot does not run", REMEDY)
    compile_standard_library(workspace, folder)
    record = {
        "path": str(folder),
        "suite": lock.suite,
        "debs": [{"name": deb.name, "version": deb.version, "sha256": deb.sha256}
                 for deb in chosen],
        "fallbacks": fallbacks,
    }
    write_stamp(folder, inputs, record)
    return record


def choose_all(lock, available):
    """The package version to take for every pin, and the list of those that are not the pinned."""
    chosen, fallbacks = [], []
    for pin in lock.packages:
        deb = choose_version(pin, available)
        if deb is None:
            raise SetupError(
                f"the mirror has neither {pin.name} {pin.version} nor another release of that "
                "upstream version",
                "set WASMFIT_PYTHON to a Python of your own that has numpy, scipy and scikit-learn")
        if deb.version == pin.version and deb.sha256 != pin.sha256:
            raise SetupError(
                f"{pin.name} {pin.version} on the mirror has sha256 {deb.sha256}, and "
                f"{LOCK.name} expects {pin.sha256}",
                "do not trust that mirror; point apt at another, or set WASMFIT_PYTHON")
        if deb.version != pin.version:
            fallbacks.append({"package": pin.name, "pinned": pin.version,
                              "installed": deb.version, "sha256": deb.sha256})
        chosen.append(deb)
    return chosen, fallbacks


def fallback_line(fallbacks):
    changes = ", ".join(f"{fallback['package']} {fallback['installed']} instead of "
                        f"{fallback['pinned']}" for fallback in fallbacks)
    return f"the mirror no longer has every pinned package: took {changes}, verified by apt"


def unpack(workspace, archives):
    built = workspace.fresh("sysroot")
    for archive in archives:
        run(workspace, ["dpkg-deb", "-x", archive, built],
            f"{archive.name} cannot be unpacked", REMEDY)
    return built


def point_to_own_libraries(workspace, tools, program, folder):
    """Lets a program start through the sysroot's loader and libraries, from its final place.

    The path is a DT_RPATH, not a DT_RUNPATH: the libraries the program loads inherit it.
    """
    run(workspace,
        [tools.patchelf(), "--set-interpreter", folder / LOADER,
         "--force-rpath", "--set-rpath", folder / LIBRARIES, program],
        f"{program.name} cannot be prepared for the sysroot", REMEDY)


def compile_standard_library(workspace, folder):
    """What Debian's own installation does last: without it every start compiles what it imports,
    and native cold starts come out several times too slow."""
    with workspace.console.step("sysroot: compiling the standard library"):
        run(workspace,
            [folder / INTERPRETER, "-I", "-m", "compileall", "-q", "-j", "0",
             folder / STANDARD_LIBRARY],
            "the standard library of the sysroot's python3.15 does not compile", REMEDY)


class PrivateApt:
    """apt with state of its own: it reads the machine's settings and writes to `partial/` only."""

    def __init__(self, workspace, suite):
        self.workspace = workspace
        self.suite = suite
        self.folder = workspace.fresh("apt")
        self.sources = self.folder / "suite.sources"
        for name in ("lists/partial", "cache/archives/partial", "debs"):
            (self.folder / name).mkdir(parents=True)
        configuration = self.folder / "apt.conf"
        configuration.write_text(self._configuration())
        self.environment = clean_environment(APT_CONFIG=str(configuration), LC_ALL="C.UTF-8")

    def _configuration(self):
        own = {
            "Dir::Etc::main": "/dev/null",
            "Dir::Etc::parts": "/dev/null",
            "Dir::Etc::preferences": "/dev/null",
            "Dir::Etc::preferencesparts": "/dev/null",
            "Dir::Etc::sourcelist": self.sources,
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::State::lists": self.folder / "lists",
            "Dir::State::status": "/dev/null",
            "Dir::Cache": self.folder / "cache",
            "APT::Architecture": "amd64",
            "APT::Architectures": "amd64",
            "APT::Sandbox::User": "",
            "APT::Get::AllowUnauthenticated": "false",
            "Acquire::AllowInsecureRepositories": "false",
            "Acquire::AllowWeakRepositories": "false",
            "Acquire::Languages": "none",
            "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled": "false",
            "Debug::NoLocking": "true",
        }
        return (settings_without_hooks(query(["apt-config", "dump"]))
                + "".join(f'{name} "{value}";\n' for name, value in own.items()))

    def update(self):
        """Fetches and verifies the suite's index from the first mirror that has it."""
        failure = SetupError("apt on this machine names no package mirror", REMEDY)
        for mirror in mirrors(query(["apt-get", "indextargets", "--format", "$(REPO_URI)",
                                     "Created-By: Packages"])):
            self.sources.write_text(sources_entry(mirror, self.suite))
            try:
                self._run(["apt-get", "-q", "update"],
                          f"apt cannot read the package index of Debian {self.suite}")
                return
            except SetupError as error:
                failure = error
        raise failure

    def available(self, names):
        """Every version of these packages that the verified index lists."""
        # The exit code only says that some name is unknown, which the caller finds out anyway.
        listing = subprocess.run(["apt-cache", "show", *names], env=self.environment,
                                 stdin=subprocess.DEVNULL, capture_output=True, text=True)
        return parse_index(listing.stdout)

    def download(self, debs):
        folder = self.folder / "debs"
        self._run(["apt-get", "-q", "download", *(f"{deb.name}={deb.version}" for deb in debs)],
                  "apt cannot download the Debian packages", cwd=folder)
        return [checked_archive(folder, deb) for deb in debs]

    def _run(self, arguments, failure, cwd=None):
        return run(self.workspace, arguments, failure, REMEDY, cwd=cwd,
                   environment=self.environment)


def query(arguments):
    """The output of an apt command that only reads."""
    finished = subprocess.run(arguments, env=clean_environment(LC_ALL="C.UTF-8"),
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if finished.returncode != 0:
        raise SetupError(f"{shlex.join(arguments[:2])} failed: {last_words(finished.stderr)}",
                         REMEDY)
    return finished.stdout


def settings_without_hooks(dump):
    """apt's settings as it prints them, without commands that it would run around its own work."""
    hook = re.compile(r"(?i)(::(pre|post)-invoke|^dpkg::)")
    return "".join(f"{line}\n" for line in dump.splitlines() if not hook.search(line))


def mirrors(listing):
    """The machine's package mirrors, each once; those of security updates carry no whole suite."""
    addresses = dict.fromkeys(line.strip() for line in listing.splitlines() if line.strip())
    usable = [address for address in addresses if not address.startswith("cdrom:")]
    return sorted(usable, key=lambda address: "security" in address)


def sources_entry(mirror, suite):
    keyring = next((path for path in KEYRINGS if Path(path).exists()), None)
    signed_by = f"Signed-By: {keyring}\n" if keyring else ""
    return f"Types: deb\nURIs: {mirror}\nSuites: {suite}\nComponents: main\n{signed_by}"


def parse_index(text):
    """The stanzas `apt-cache show` prints, as package versions."""
    debs = []
    for stanza in re.split(r"\n\s*\n", text):
        fields = dict(re.findall(r"^(Package|Version|SHA256|Size): (\S+)$", stanza, re.MULTILINE))
        if len(fields) == 4:
            debs.append(AvailableDeb(fields["Package"], fields["Version"], fields["SHA256"],
                                     int(fields["Size"])))
    return debs


def checked_archive(folder, deb):
    found = list(folder.glob(f"{deb.name}_*.deb"))
    if len(found) != 1:
        raise SetupError(f"apt downloaded no archive of {deb.name} {deb.version}", REMEDY)
    actual = sha256_of_file(found[0])
    if actual != deb.sha256:
        raise SetupError(f"{deb.name} {deb.version} arrived with sha256 {actual} instead of "
                         f"{deb.sha256}", "run scripts/setup again; nothing of it was installed")
    return found[0]


def remake_lock(workspace):
    """Rewrites the versions and hashes of the lock file with what the mirror has now."""
    text = LOCK.read_text()
    lock = parse_deb_lock(text, LOCK.name)
    apt = PrivateApt(workspace, lock.suite)
    apt.update()
    available = {deb.name: deb for deb in apt.available([pin.name for pin in lock.packages])}
    missing = [pin.name for pin in lock.packages if pin.name not in available]
    if missing:
        raise SetupError(f"Debian {lock.suite} has no {', '.join(missing)} any more",
                         f"edit {LOCK.name}: replace or remove these lines")
    notes = [line for line in text.splitlines() if line.startswith("#")]
    pins = [f"{deb.name} {deb.version} {deb.sha256}"
            for deb in (available[pin.name] for pin in lock.packages)]
    LOCK.write_text("\n".join([*notes, f"suite {lock.suite}", *pins]) + "\n")
