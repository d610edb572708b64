"""The command line of scripts/setup: what is installed, in which order, and what is said."""

import argparse
import os
import signal
import sys
import time
from functools import partial

from . import (assets, binaryen, browser, debian, environments, guest, nodejs, page_modules,
               pyodide_index, python, runc, v8, wasmedge)
from .console import Console, in_words
from .errors import SetupError, explain_os_error
from .tools import Tools
from .workspace import Workspace, cache_root, read_stamp, write_summary

DESCRIPTION = """\
Installs what wasmfit measures with: a native CPython 3.15 with numpy, scipy and scikit-learn, the
WASM guest cpython-3.15 with the same versions, the guests cpython-3.12, micropython-1.27,
pyodide-3.14, micropython-1.27-web and brython-3.14, WasmEdge, Node.js, binaryen, runc, WASI for
browsers, PyScript, zig, Cython and componentize-py, ONNX Runtime, native and for the web, and the
weights of the workload minilm-embed, which it also puts into that workload's folder.
Everything is pinned by hash and goes to one cache folder; the system is left alone and no root is
needed. A second run finds everything in place and needs no network.

pyodide-3.14 comes without packages: Pyodide's wheels of numpy and others are in no package
registry. --pyodide-index takes them from an index of your own, which is what a distribution of
Pyodide's is: pyodide-lock.json and the wheels it names, each checked against the hash it has there.
Those that workloads import are taken, and what they depend on. The guest stays so in later runs."""

ENVIRONMENT = """\
environment:
  WASMFIT_CACHE     where to install; default: $XDG_CACHE_HOME/wasmfit or ~/.cache/wasmfit
  WASMFIT_PYTHON    a Python of your own for the native side (CPython 3.11 or newer with numpy): it
                    is checked, and none is installed
  WASMFIT_GUESTS    a folder of your own that holds cpython-3.15/ and cpython-3.12/: they are
                    checked, and no guest is installed
  WASMFIT_CHROMIUM  a Chromium of your own for the browser tests (with --browser)
  PIP_*, npm_config_* and apt's configuration are respected: mirrors, proxies and certificates are
  the machine's own. For the URLs of an index http_proxy, https_proxy, no_proxy and SSL_CERT_FILE
  are.

exit codes: 0 all is in place, or at least native CPython and cpython-3.15 (one line for each other
part says what it lacks and why), 1 something failed (one line says what and why), 2 wrong usage
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
        if options.print_lint_python:
            print(lint_python(root))
            return 0
        workspace = Workspace(root, console)
        with workspace.locked():
            if options.update_lock:
                debian.remake_lock(Tools(workspace))
                console.say(f"{debian.LOCK} holds the mirror's current versions")
                return 0
            missing = install(workspace, options, os.environ)
        if missing and options.strict:
            return fail(f"--strict was asked for, and this is missing: {in_words(missing)}")
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
    parser.add_argument("--strict", action="store_true",
                        help="fail when any part is missing")
    parser.add_argument("--browser", action="store_true",
                        help="also install playwright-core and a Chromium for the browser tests")
    parser.add_argument("--lint", action="store_true",
                        help="also install what the tests of the CI files check them with")
    parser.add_argument(pyodide_index.OPTION, metavar="DIR|URL",
                        help="install pyodide-3.14 with packages of the index there; "
                             f"{pyodide_index.NO_INDEX!r} installs it without packages again")
    parser.add_argument("--pyodide-package", metavar="NAME", action="append", default=[],
                        help="a package to take from the index beside those that workloads "
                             "import; may be given again")
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--print-python", action="store_true",
                        help="print the path of the native interpreter and end")
    choice.add_argument("--print-node", action="store_true",
                        help="print the path of the Node.js that runs the browser tests and end")
    choice.add_argument("--print-lint-python", action="store_true",
                        help="print the path of the Python that runs the tests of the CI files "
                             "and end")
    choice.add_argument("--update-lock", action="store_true",
                        help="for maintainers: rewrite scripts/pins/debs.lock with the versions "
                             "the mirror has now, and end")
    options = parser.parse_args(arguments)
    if options.pyodide_package and options.pyodide_index in (None, pyodide_index.NO_INDEX):
        parser.error(f"--pyodide-package needs the index that has it: {pyodide_index.OPTION}")
    return options


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


def lint_python(root):
    record = read_stamp(root / environments.LINT.name)
    if record is None:
        raise SetupError(f"no tools that check the CI files are installed in {root}",
                         "run scripts/setup --lint first")
    return record["executable"]


def install(workspace, options, environment):
    """Installs everything; returns the parts that are missing, which a run can do without."""
    started = time.monotonic()
    console = workspace.console
    wish = pyodide_index.wish_of(options, environment)
    workspace.clear_partial()
    tools = Tools(workspace)
    components = {
        python.NAME: python.ensure(workspace, tools, environment),
        guest.CPYTHON_3_15.component:
            guest.ensure(workspace, tools, environment, guest.CPYTHON_3_15),
    }
    dispensable = {
        **{it.component: partial(guest.ensure, workspace, tools, environment, it)
           for it in guest.DISPENSABLE},
        # In its place among the guests, with packages or without.
        pyodide_index.GUEST.component:
            partial(pyodide_index.ensure, workspace, tools, environment, wish),
        wasmedge.NAME: lambda: wasmedge.ensure(workspace, tools),
        binaryen.NAME: lambda: binaryen.ensure(workspace, tools),
        runc.NAME: lambda: runc.ensure(workspace, tools),
        v8.NAME: lambda: v8.ensure(workspace, tools),
        **{it.name: partial(page_modules.ensure, workspace, tools, it) for it in page_modules.ALL},
        **{it.name: partial(environments.ensure, workspace, tools, it)
           for it in (environments.COMPILERS, environments.ONNX_RUNTIME)},
        assets.MINILM.component: lambda: assets.ensure(workspace, tools, assets.MINILM),
    }
    missing = {}
    for name, ensure in dispensable.items():
        try:
            components[name] = ensure()
        except SetupError as error:
            if wish and name == pyodide_index.GUEST.component:
                raise
            console.warn(f"{name} is missing: {error}")
            missing[name] = str(error)
    if options.browser:
        browser.ensure(workspace, tools, environment)
    if options.lint:
        environments.ensure(workspace, tools, environments.LINT)
    write_summary(workspace.root, components | standing_components(workspace.root), missing)
    report(console, components)
    console.say(f"{extent(console, missing)} is in place in {workspace.root} "
                f"({time.monotonic() - started:.1f} s)")
    return missing


def extent(console, missing):
    if missing:
        return f"everything but {in_words(missing)}"
    return "everything" if console.steps_taken else "nothing to do: everything"


def standing_components(root):
    """The components that serve others or that this run was not asked for, as their stamps tell."""
    sysroots = (module.SYSROOT.component for module in (python, wasmedge, binaryen, runc))
    found = {name: read_stamp(root / name)
             for name in (*sysroots, "tools", nodejs.NAME, browser.NAME,
                          environments.LINT.name)}
    return {name: record for name, record in found.items() if record}


def report(console, components):
    """What a run will measure with, and what its reports will have to say about it."""
    native = components[python.NAME]
    versions = {name: package["version"] for name, package in native["packages"].items()
                if name in python.COMPARED_PACKAGES}
    listed = "".join(f", {name} {version}" for name, version in versions.items())
    console.say(f"{python.NAME}: {native['executable']} (CPython {native['python']}{listed})")
    for name in (it.component for it in (guest.CPYTHON_3_15, *guest.DISPENSABLE)):
        if name in components:
            record = components[name]
            console.say(f"{name}: {record['path']}{pyodide_index.note(record)}")
    if wasmedge.NAME in components:
        found = components[wasmedge.NAME]
        console.say(f"{wasmedge.NAME}: {found['library']} ({found['version']})")
    for name in (binaryen.NAME, runc.NAME, v8.NAME):
        if name in components:
            found = components[name]
            console.say(f"{name}: {found['executable']} ({found['version']})")
    for note in python.differences({"python": native["python"], **versions}):
        console.say(f"note: {note}")
