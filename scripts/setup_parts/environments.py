"""Virtual environments of the system's Python that hold pinned packages, each for one purpose."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from . import venv
from .command import run
from .pins import PINS, download_megabytes, parse_requirements
from .tools import VENV_REMEDY
from .workspace import digest_of_inputs, read_stamp, write_stamp


@dataclass(frozen=True)
class Environment:
    name: str  # of its folder
    content: str  # in the user's words
    requirements: Path
    imports: tuple[str, ...]  # each has to succeed
    programs: tuple[str, ...] = ()  # in its bin, each of which tells its --version

    @property
    def component(self):
        return self.name

    def python(self, root):
        return root / self.name / "bin" / "python"


# What the tests of the CI files need: schemas of those that read them, and shellcheck.
LINT = Environment(
    name="lint",
    content="schemas and shellcheck",
    requirements=PINS / "lint-requirements.txt",
    imports=("check_jsonschema", "kubernetes_validate", "yaml"),
    programs=("shellcheck",))

# What compiles rewrites of workloads, beside the C compiler and Rust that are there anyway.
COMPILERS = Environment(
    name="compilers",
    content="zig, Cython and componentize-py",
    requirements=PINS / "compilers-requirements.txt",
    imports=("ziglang", "Cython", "componentize_py"))

# What runs ONNX models natively.
ONNX_RUNTIME = Environment(
    name="onnxruntime",
    content="ONNX Runtime",
    requirements=PINS / "onnxruntime-requirements.txt",
    imports=("onnxruntime", "numpy"))


def ensure(workspace, tools, environment):
    folder = workspace.root / environment.name
    requirements = environment.requirements
    inputs = digest_of_inputs(requirements, Path(__file__), str(folder), sys.version)
    record = read_stamp(folder, inputs)
    python = environment.python(workspace.root)
    if record and os.access(python, os.X_OK):
        return record
    tools.ensure()
    text = requirements.read_text()
    packages = parse_requirements(text)
    built = workspace.fresh(environment.name)
    with workspace.console.step(f"{environment.name}: installing {environment.content} "
                                f"({download_megabytes(text)} MB to download)",
                                growing=workspace.partial):
        new_python = venv.make(workspace, sys.executable, built, VENV_REMEDY, ["--without-pip"])
        tools.pip("install", "--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:",
                  "-r", requirements, python=new_python,
                  failure=f"{environment.content} cannot be installed")
        venv.rename_in_scripts(built, folder)
        workspace.move_in(built, folder)
    imports = [python, "-c", f"import {', '.join(environment.imports)}"]
    programs = ([folder / "bin" / program, "--version"] for program in environment.programs)
    for command in (imports, *programs):
        run(workspace, command, f"{command[0]} was installed and does not run",
            "remove the cache folder and run scripts/setup again")
    record = {
        "path": str(folder),
        "executable": str(python),
        "packages": {package.name: {"version": package.version} for package in packages},
    }
    write_stamp(folder, inputs, record)
    return record
