"""apt with state of its own, reading the package index of another suite; the system stays as it is.

It works against an empty system, from the mirror the machine already uses, and verifies every index
against Debian's keyring.
"""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

from .command import clean_environment, last_words, run
from .deb_versions import AvailableDeb
from .errors import SetupError
from .workspace import sha256_of_file

KEYRINGS = ("/usr/share/keyrings/debian-archive-keyring.pgp",
            "/usr/share/keyrings/debian-archive-keyring.gpg")
REMEDY = "check the network and the apt sources of this machine and run it again"


def is_available():
    return all(shutil.which(tool) for tool in ("apt-get", "apt-cache", "apt-config", "dpkg-deb"))


class PrivateApt:
    """It reads the machine's settings and writes to `partial/` only."""

    def __init__(self, workspace, suite):
        self.workspace = workspace
        self.suite = suite
        self.folder = workspace.fresh("apt")
        self.sources = self.folder / "suite.sources"
        self.archives = self.folder / "debs"
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
            # Otherwise a mirror out of reach would pass for one without packages.
            "APT::Update::Error-Mode": "any",
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

    def unfetched(self, debs):
        """Those that no earlier call of this run has downloaded."""
        return [deb for deb in debs if not any(self.archives.glob(f"{deb.name}_*.deb"))]

    def download(self, debs):
        """The checked archives of these packages."""
        wanted = [f"{deb.name}={deb.version}" for deb in self.unfetched(debs)]
        if wanted:
            self._run(["apt-get", "-q", "download", *wanted],
                      "apt cannot download the Debian packages", cwd=self.archives)
        return [checked_archive(self.archives, deb) for deb in debs]

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
                         f"{deb.sha256}", "nothing of it was installed: run scripts/setup again")
    return found[0]
