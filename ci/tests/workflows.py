"""Runs what GitHub would run of a workflow: its jobs in order, their steps, and our action's own.

Every `run` is really run. Of the actions that others publish, the few that ours use are acted out
on local folders; any other, and any key or expression that is not known here, is an error.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import yaml

from expressions import as_text, condition, fill

REPOSITORY = Path(__file__).resolve().parents[2]
OURS = "wasmfit/wasmfit@"
STEP_KEYS = {"name", "id", "if", "uses", "with", "env", "run", "shell", "continue-on-error"}
JOB_KEYS = {"name", "needs", "if", "runs-on", "timeout-minutes", "strategy", "steps", "env"}
SHELLS = {None: ["bash", "-e"], "bash": ["bash", "--noprofile", "--norc", "-eo", "pipefail"]}


class WorkflowError(Exception):
    pass


def read_workflow(path):
    workflow = yaml.safe_load(Path(path).read_text())
    workflow["on"] = workflow.pop(True)  # YAML 1.1 takes `on` for a truth value
    return workflow


@dataclass
class Step:
    name: str
    conclusion: str  # success, failure, skipped
    exit_code: int = 0
    said: str = ""
    inner: list = field(default_factory=list)  # the steps of an action of ours


@dataclass
class Job:
    name: str
    conclusion: str
    steps: list
    summary: str

    def step(self, name):
        """A step by its name, of the job or of an action within it."""
        found = [step for outer in self.steps for step in (outer, *outer.inner)
                 if step.name == name]
        if len(found) != 1:
            raise WorkflowError(f"{len(found)} steps are named {name!r}")
        return found[0]

    def story(self):
        """What happened, for the message of a test that fails."""
        lines = [f"job {self.name}: {self.conclusion}"]
        for outer in self.steps:
            for step in (outer, *outer.inner):
                lines.append(f"-- {step.name}: {step.conclusion} ({step.exit_code})\n{step.said}")
        return "\n".join(lines)


class Stage:
    """A place for the runs of one workflow: the action's source, a repository, artifacts."""

    def __init__(self, root, repository, program=None, built=True):
        """program: stands in for target/release/wasmfit; built: set-up and build need no doing."""
        self.root, self.repository = Path(root), Path(repository)
        self.action = self.root / "action"
        self.artifacts = self.root / "artifacts"
        self.programs = self.root / "programs"
        self.caches = []
        for folder in (self.action, self.artifacts, self.programs):
            folder.mkdir()
        set_out(self.action, program, built)

    def stand_in(self, name, script):
        path = self.programs / name
        path.write_text(script)
        path.chmod(0o755)

    def environment(self):
        kept = {name: value for name, value in os.environ.items()
                if not name.startswith(("GITHUB_", "MEASURE_", "GIT_"))}
        return kept | {"PATH": f"{self.programs}{os.pathsep}{os.environ['PATH']}"}


def set_out(folder, program=None, built=True):
    """Fills a folder with wasmfit's source as links, so that parts of it can be others."""
    for entry in REPOSITORY.iterdir():
        if entry.name not in (".git", "scripts", "target"):
            (folder / entry.name).symlink_to(entry)
    scripts = folder / "scripts"
    scripts.mkdir()
    for entry in (REPOSITORY / "scripts").iterdir():
        if built and entry.name in ("setup", "build"):
            (scripts / entry.name).write_text(f"#!/bin/sh\necho {entry.name} is stood in for\n")
            (scripts / entry.name).chmod(0o755)
        else:
            (scripts / entry.name).symlink_to(entry)
    if program is None:
        (folder / "target").symlink_to(REPOSITORY / "target")
    else:
        release = folder / "target" / "release"
        release.mkdir(parents=True)
        (release / "wasmfit").symlink_to(program)


def run_workflow(stage, workflow, event=None, inputs=None, changes=None, earlier=None):
    """name -> [Job], one for each of a matrix.

    changes: inputs of our action that are others than the workflow's, where it has them at all.
    earlier: what an earlier attempt came to. Jobs of it that failed are run again, and no others.
    """
    done = {}
    attempt = 2 if earlier else 1
    dispatch = workflow["on"].get("workflow_dispatch") or {}
    # Those of a workflow that nobody started by hand are empty.
    inputs = dict.fromkeys(dispatch.get("inputs", {})) | (inputs or {})
    for name, job in workflow["jobs"].items():
        unknown = set(job) - JOB_KEYS
        if unknown:
            raise WorkflowError(f"job {name} has {unknown}")
        needed = [job["needs"]] if isinstance(job.get("needs"), str) else job.get("needs", [])
        before = [it for other in needed for it in done.get(other, [])]
        succeeded = all(it.conclusion == "success" for it in before)
        status = status_functions(lambda: succeeded)
        if not condition(job.get("if"), status):
            done[name] = [Job(name, "skipped", [], "")]
            continue
        matrix = job.get("strategy", {}).get("matrix", {})
        combinations = [dict(zip(matrix, values)) for values in product(*matrix.values())]
        done[name] = []
        for index, combination in enumerate(combinations):
            github = {
                "token": "token", "repository": "owner/repository", "ref": "refs/pull/7/merge",
                "event": event or {},
                "run_attempt": attempt, "run_id": 1}
            contexts = {"github": github, "matrix": combination, "inputs": inputs,
                        "strategy": {"job-index": index, "job-total": len(combinations)}}
            if earlier and earlier[name] and earlier[name][index].conclusion == "success":
                done[name].append(earlier[name][index])
                continue
            runner = JobRunner(stage, contexts, changes or {})
            done[name].append(runner.run(name, job["steps"], job.get("env", {})))
    return done


def status_functions(succeeded):
    return {"always": lambda: True, "success": succeeded, "failure": lambda: not succeeded(),
            "cancelled": lambda: False}


class JobRunner:
    def __init__(self, stage, contexts, changes):
        self.stage, self.changes = stage, changes
        self.place = Path(tempfile.mkdtemp(dir=stage.root, prefix="job-"))
        self.workspace, self.temp = self.place / "workspace", self.place / "temp"
        self.summary = self.place / "summary.md"
        self.workspace.mkdir()
        self.temp.mkdir()
        self.summary.touch()
        self.contexts = contexts | {"runner": {"temp": str(self.temp), "os": "Linux",
                                               "arch": "X64"}}

    def run(self, name, steps, environment):
        done, _ = self.run_steps(steps, self.contexts, environment, {})
        return Job(name, conclusion_of(done), done, self.summary.read_text())

    def run_steps(self, steps, contexts, environment, own):
        """own: the variables that steps of an action have besides."""
        done, results, failed = [], {}, False
        contexts = contexts | {"steps": results} | status_functions(lambda: not failed)
        for step in steps:
            if set(step) - STEP_KEYS:
                raise WorkflowError(f"a step has {set(step) - STEP_KEYS}")
            name = step.get("name", step.get("uses"))
            if not condition(step.get("if"), contexts):
                done.append(Step(name, "skipped"))
                results[step.get("id")] = {"outcome": "skipped", "outputs": Unset()}
                continue
            scope = contexts | {"env": environment}
            variables = environment | {key: as_text(fill(value, scope))
                                       for key, value in step.get("env", {}).items()}
            if "run" in step:
                ran, outputs = self.run_script(step, name, variables | own)
            else:
                ran, outputs = self.run_action(step, name, scope)
            done.append(ran)
            # A step that failed half-way may lack outputs; one that succeeded has to have them.
            if ran.conclusion == "failure" and not isinstance(outputs, Declared):
                outputs = Unset(outputs)
            results[step.get("id")] = {"outcome": ran.conclusion, "outputs": outputs}
            failed |= ran.conclusion == "failure" and not step.get("continue-on-error")
            if step.get("continue-on-error") and ran.conclusion == "failure":
                ran.conclusion = "success"
        return done, results

    def run_script(self, step, name, variables):
        if "${{" in step["run"]:
            raise WorkflowError(f"{name}: an expression in a script can be made to run anything")
        script, output = self.place / "step.sh", self.place / "output"
        script.write_text(step["run"])
        output.write_text("")
        environment = self.stage.environment() | {
            "GITHUB_WORKSPACE": str(self.workspace), "GITHUB_OUTPUT": str(output),
            "GITHUB_STEP_SUMMARY": str(self.summary), "RUNNER_TEMP": str(self.temp),
            "GITHUB_REPOSITORY": "owner/repository"} | variables
        finished = subprocess.run(
            [*SHELLS[step.get("shell")], script], cwd=self.workspace, env=environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        outputs = dict(line.split("=", 1) for line in output.read_text().splitlines())
        conclusion = "failure" if finished.returncode else "success"
        return Step(name, conclusion, finished.returncode, finished.stdout), outputs

    def run_action(self, step, name, contexts):
        given = {key: fill(value, contexts) for key, value in step.get("with", {}).items()}
        if step["uses"].startswith(OURS):
            return self.run_ours(name, given, contexts)
        action = getattr(self, re.sub(r"[/-]", "_", step["uses"].partition("@")[0]), None)
        if action is None:
            raise WorkflowError(f"{step['uses']} is not known here")
        try:
            outputs = action(**{key.replace("-", "_"): value for key, value in given.items()})
            return Step(name, "success"), outputs or {}
        except MissingArtifact as error:
            return Step(name, "failure", 1, str(error)), {}

    def run_ours(self, name, given, contexts):
        action = yaml.safe_load((self.stage.action / "action.yml").read_text())
        declared = {key: value["default"] for key, value in action["inputs"].items()}
        given = given | {key: value for key, value in self.changes.items() if given.get(key)}
        if set(given) - set(declared):
            raise WorkflowError(f"the action has no inputs {set(given) - set(declared)}")
        inputs = {key: as_text(value) for key, value in (declared | given).items()}
        scope = {key: contexts[key] for key in ("github", "matrix", "strategy", "runner")}
        done, results = self.run_steps(action["runs"]["steps"], scope | {"inputs": inputs}, {},
                                       {"GITHUB_ACTION_PATH": str(self.stage.action)})
        outputs = {key: as_text(fill(value["value"], {"steps": results}))
                   for key, value in action["outputs"].items()}
        failures = [step for step in done if step.conclusion == "failure"]
        exit_code = failures[0].exit_code if failures else 0
        # Outputs of an action are there also when it fails, and all of them are declared.
        return Step(name, conclusion_of(done), exit_code, inner=done), Declared(outputs)

    # What others publish, acted out. Their inputs are the parameters: another one is an error.

    def actions_checkout(self, fetch_depth=1):
        depth = [] if fetch_depth == 0 else [f"--depth={fetch_depth}"]
        git("clone", "--quiet", *depth, self.stage.repository.as_uri(), ".", cwd=self.workspace)

    def actions_setup_python(self, python_version):
        if not isinstance(python_version, str):
            raise WorkflowError(f"{python_version} without quotes is a number: 3.10 would be 3.1")

    def actions_cache_restore(self, key, path, restore_keys=""):
        check_cache(key, path)
        return {"cache-hit": "false"}

    def actions_cache_save(self, key, path):
        check_cache(key, path)
        self.stage.caches.append(key)

    def actions_upload_artifact(self, name, path, if_no_files_found="warn", overwrite=False,
                                retention_days=90):
        folder = self.stage.artifacts / name
        sources = [source for source in map(self.workspace.joinpath, path.splitlines())
                   if source.exists()]
        if not sources:
            if if_no_files_found == "error":
                raise MissingArtifact(f"nothing to upload as {name}")
            return
        if folder.exists():
            if not overwrite:
                raise MissingArtifact(f"there is an artifact {name} already")
            shutil.rmtree(folder)
        for source in sources:
            shutil.copytree(source, folder if len(sources) == 1 else folder / source.name)

    def actions_download_artifact(self, path, name=None, pattern=None):
        found = sorted(self.stage.artifacts.glob(pattern or name))
        if name and not found:
            raise MissingArtifact(f"there is no artifact {name}")
        for folder in found:
            target = self.workspace / path
            shutil.copytree(folder, target if name else target / folder.name, dirs_exist_ok=True)


class MissingArtifact(Exception):
    pass


class Unset(dict):
    """Outputs of a step that was skipped or failed: what it has not set is empty."""

    def __contains__(self, name):
        return True

    def __missing__(self, name):
        return ""


class Declared(dict):
    """Outputs of an action of ours, which stay strict whether it fails or not."""


def check_cache(key, path):
    for line in (key, *path.splitlines()):
        if not line.strip("/*! ") or "//" in line or line.endswith("-"):
            raise WorkflowError(f"an expression in {line!r} came out empty")


def conclusion_of(steps):
    return "failure" if any(step.conclusion == "failure" for step in steps) else "success"


def git(*arguments, cwd):
    identity = {f"GIT_{role}_{what}": f"{what.lower()}@example.org" if what == "EMAIL" else "test"
                for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    finished = subprocess.run(["git", *arguments], cwd=cwd, capture_output=True, text=True,
                              env=os.environ | identity)
    if finished.returncode:
        raise WorkflowError(f"git {' '.join(arguments)}: {finished.stderr}")
    return finished.stdout.strip()


def python_program(path, source):
    """An executable of Python's, which needs no packages."""
    path.write_text(f"#!{sys.executable}\n{source}")
    path.chmod(0o755)
    return path
