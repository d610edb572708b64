"""The command line of scripts/setup: what is installed, in which order, and what is said."""

import argparse
import os
import signal
import sys
import time

from . import browser, debian, guest, python
from .console import Console
from .errors import SetupError, explain_os_error
from .tools import Tools
from .workspace import Workspace, cache_root, read_stamp, write_summary

DESCRIPTION = """\
Installs what wasmfit measures with: a native CPython 3.15 with numpy, scipy and scikit-learn, and
the WASM guest cpython-3.15 with the same versions. Everything is pinned by hash and goes to one
cache folder; the system is left alone and no root is needed. A second run finds everything in place
and needs no network."""

ENVIRONMENT = """\
environment:
  WASMFIT_CACHE     where to install; default: $XDG_CACHE_HOME/wasmfit or ~/.cache/wasmfit
  WASMFIT_PYTHON    a Python of your own for the native side (CPython 3.11 or newer with numpy): it
                    is checked, and none is installed
  WASMFIT_GUESTS    a folder of your own that holds cpython-3.15/: it is checked, and no guest is
                    installed
  WASMFIT_CHROMIUM  a Chromium of your own for the browser tests (with --browser)
  PIP_*, npm_config_* and apt's configuration are respected: mirrors, proxies and certificates are
  the machine's own.

exit codes: 0 all is in place, 1 something failed (one line says what and why), 2 wrong usage
"""


def main(arguments):
    options = parse(arguments)
    console = Console()
    root = None
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        root = cache_root(os.environ)
        if options.print_python:
            print(native_python(root, os.environ))
            return 0
        if options.print_node:
            print(browser_node(root))
            return 0
        workspace = Workspace(root, console)
        with workspace.locked():
            if options.update_lock:
                debian.remake_lock(workspace)
                console.say(f"{debian.LOCK} holds the mirror's current versions")
            else:
                install(workspace, options, os.environ)
        return 0
    except SetupError as error:
        return fail(str(error))
    except KeyboardInterrupt:
        fail("interrupted; run it again to continue: nothing half-done is kept")
        return 130
    except OSError as error:
        return fail(explain_os_error(error, root))


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="scripts/setup", description=DESCRIPTION, epilog=ENVIRONMENT,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--browser", action="store_true",
                        help="also install playwright-core and a Chromium for the browser tests")
    choice.add_argument("--print-python", action="store_true",
                        help="print the path of the native interpreter and end")
    choice.add_argument("--print-node", action="store_true",
                        help="print the path of the Node.js that runs the browser tests and end")
    choice.add_argument("--update-lock", action="store_true",
                        help="for maintainers: rewrite scripts/pins/debs.lock with the versions "
                             "the mirror has now, and end")
    return parser.parse_args(arguments)


def fail(message):
    print(f"error: {message}", file=sys.stderr, flush=True)
    return 1


def native_python(root, environment):
    chosen = environment.get(python.OVERRIDE)
    if chosen:
        return python.check_override(chosen)["executable"]
    if read_stamp(root / python.NAME) is None:
        raise SetupError(f"no native interpreter is installed in {root}", "run scripts/setup first")
    return python.executable_of(root)


def browser_node(root):
    record = read_stamp(root / browser.NAME)
    if record is None:
        raise SetupError(f"no browser tools are installed in {root}",
                         "run scripts/setup --browser first")
    return record["node"]["executable"]


def install(workspace, options, environment):
    started = time.monotonic()
    console = workspace.console
    workspace.clear_partial()
    tools = Tools(workspace)
    native = python.ensure(workspace, tools, environment)
    guest_record = guest.ensure(workspace, tools, environment)
    if options.browser:
        browser.ensure(workspace, tools, environment)
    write_summary(workspace.root, {
        python.NAME: native,
        guest.FOLDER: guest_record,
        **standing_components(workspace.root),
    })
    report(console, native, guest_record)
    verdict = "everything" if console.steps_taken else "nothing to do: everything"
    console.say(f"{verdict} is in place in {workspace.root} "
                f"({time.monotonic() - started:.1f} s)")


def standing_components(root):
    """The components that serve others or that this run was not asked for, as their stamps tell."""
    found = {name: read_stamp(root / name)
             for name in ("sysroot", "tools", "node", browser.NAME)}
    return {name: record for name, record in found.items() if record}


def report(console, native, guest_record):
    """What a run will measure with, and what its reports will have to say about it."""
    versions = {name: package["version"] for name, package in native["packages"].items()
                if name in python.COMPARED_PACKAGES}
    listed = "".join(f", {name} {version}" for name, version in versions.items())
    console.say(f"{python.NAME}: {native['executable']} (CPython {native['python']}{listed})")
    console.say(f"{guest.FOLDER}: {guest_record['path']}")
    for note in python.differences({"python": native["python"], **versions}):
        console.say(f"note: {note}")
