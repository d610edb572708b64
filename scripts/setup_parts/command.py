"""Running other programs: their output goes to the log, their failure becomes one line."""

import os
import re
import subprocess

from .errors import FULL_DISK, SetupError

# What pip, apt, Python and npm begin such lines with. pip announces a traceback with
# "ERROR: Exception:", which is no reason, and npm names the reason in its first line only.
ERROR_LINE = re.compile(r"(?i)(error(?!: exception:$)|e:|fatal|npm error code)")
# A user's own Python settings must not leak into the interpreters that setup builds.
FOREIGN_VARIABLES = ("PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "VIRTUAL_ENV",
                     "__PYVENV_LAUNCHER__")


def clean_environment(**additions):
    environment = {name: value for name, value in os.environ.items()
                   if name not in FOREIGN_VARIABLES}
    return environment | additions


def last_words(output):
    """The line of a program's output that most likely says why it failed."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if ERROR_LINE.match(line)]
    return (errors or lines or ["it said nothing"])[-1][:300]


def run(workspace, arguments, failure, remedy, cwd=None, environment=None, scratch=None):
    """Runs a program to its end and returns its standard output.

    failure: what could not be done, in the user's words; remedy: what to do about it.
    scratch: the program's temporary folder, one in the cache unless given.
    """
    arguments = [str(argument) for argument in arguments]
    scratch = scratch or workspace.partial / "tmp"
    scratch.mkdir(parents=True, exist_ok=True)
    environment = (environment or clean_environment()) | {"TMPDIR": str(scratch)}
    inherited = () if workspace.lock_descriptor is None else (workspace.lock_descriptor,)
    try:
        finished = subprocess.run(
            arguments, cwd=cwd, env=environment, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, errors="replace", pass_fds=inherited)
    except OSError as error:
        raise SetupError(f"{failure}: {arguments[0]}: {error.strerror}", remedy) from error
    with open(workspace.log_path, "a") as log:
        log.write(f"$ {' '.join(arguments)}\n{finished.stdout}{finished.stderr}"
                  f"[exit code {finished.returncode}]\n")
    if finished.returncode != 0:
        if "No space left on device" in finished.stdout + finished.stderr:
            raise SetupError(f"{failure}: {FULL_DISK.format(place=workspace.root)}")
        reason = last_words(finished.stderr or finished.stdout)
        raise SetupError(f"{failure}: {reason} (all of it in {workspace.log_path})", remedy)
    return finished.stdout
