"""What the examples are run in: a repository with workloads, and stand-ins for programs."""

import atexit
import functools
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import yaml

from workflows import REPOSITORY, Stage, git, python_program, read_workflow, run_workflow

EXAMPLES = REPOSITORY / "ci" / "examples"
WORKLOADS = {"my-model": "rules-engine", "my-tokenizer": "wordpiece"}

# So many times the work for the same response: applications are decided again.
SLOW_DOWN = '''

_infer_once = infer


def infer(policy, applications):
    again = int(({work} - 1) * len(applications))
    _infer_once(policy, (applications * {work:.0f})[:again])
    return _infer_once(policy, applications)
'''

# Answers what the examples ask gh, and notes how it was called.
GH = """\
import os, pathlib, shutil, sys
place = pathlib.Path({place!r})
arguments = sys.argv[1:]
with open(place / "gh.log", "a") as log:
    print(*arguments, file=log)
def after(option):
    return arguments[arguments.index(option) + 1]
if os.environ.get("GH_TOKEN") != "token":
    sys.exit("gh: no token")
if arguments[:2] == ["run", "download"]:
    shutil.copytree(place / "artifacts" / after("--name"), after("--dir"))
elif arguments[:2] == ["pr", "comment"]:
    shutil.copyfile(after("--body-file"), place / "comment.md")
elif arguments[0] == "api" and "PATCH" in arguments:
    shutil.copyfile(after("--field").removeprefix("body=@"), place / "comment.md")
elif arguments[0] == "api" and "name=wasmfit-baseline" in arguments[1]:
    print(1 if (place / "artifacts" / "wasmfit-baseline").exists() else "")
elif arguments[0] == "api" and arguments[-1].startswith(".[]"):
    print(17 if (place / "comment.md").exists() else "")
else:
    sys.exit(f"gh: {{arguments}} is not known here")
"""

# git, without the one checkout that the stage has made already.
GIT = """\
#!/bin/sh
case " $* " in *" .wasmfit "*) exit 0 ;; esac
exec {git} "$@"
"""


@functools.cache
def repository(work=1):
    """A repository whose last commit merges a change of its workload into main; only read.

    work: how many times as much the changed workload does.
    """
    holder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, holder)
    folder = Path(holder).resolve()
    git("init", "--quiet", "--initial-branch=main", cwd=folder)
    for name, source in WORKLOADS.items():
        shutil.copytree(REPOSITORY / "workloads" / source, folder / "models" / name)
    description = folder / "models" / "my-model" / "workload.toml"
    description.write_text(description.read_text().replace("[8, 64]", "[8]"))
    commit(folder, "Begin")
    git("checkout", "--quiet", "-b", "change", cwd=folder)
    code = folder / "models" / "my-model" / "workload.py"
    change = SLOW_DOWN.format(work=work) if work > 1 else "\n# Changes nothing.\n"
    code.write_text(code.read_text() + change)
    commit(folder, "Change")
    git("checkout", "--quiet", "main", cwd=folder)
    git("merge", "--quiet", "--no-ff", "-m", "Merge", "change", cwd=folder)
    return folder


def commit(folder, message):
    git("add", "--all", cwd=folder)
    git("commit", "--quiet", f"--message={message}", cwd=folder)


class ExampleCase(unittest.TestCase):
    """A test that runs an example in a temporary place of its own."""

    program = None  # stands in for wasmfit
    built = True  # whether set-up and build are stood in for

    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.place = Path(holder.name).resolve()

    def stage(self, work=1):
        stage = Stage(self.place, repository(work), self.program, self.built)
        python_program(stage.programs / "gh", GH.format(place=str(self.place)))
        return stage

    def workflow(self, stage, name, **options):
        event = {"pull_request": {"number": 7, "head": {"repo": {"full_name": "owner/repository"}}}}
        event = options.pop("event", event)
        return run_workflow(stage, read_workflow(EXAMPLES / name), event=event, **options)

    def assert_ended(self, jobs, name, conclusion):
        for job in jobs[name]:
            self.assertEqual(job.conclusion, conclusion, job.story())

    def assert_ran(self, job, *names):
        for name in names:
            self.assertEqual(job.step(name).conclusion, "success", f"{name}\n{job.story()}")

    def gitlab(self, stage, changes):
        """Exit codes of the job's script and of its after_script, and what both said."""
        job = yaml.safe_load((EXAMPLES / "gitlab-ci.yml").read_text())["wasmfit"]
        project = self.place / "project"
        git("clone", "--quiet", stage.repository.as_uri(), str(project), cwd=self.place)
        (project / ".wasmfit").symlink_to(stage.action)
        stage.stand_in("git", GIT.format(git=shutil.which("git")))
        stage.stand_in("apt-get", "#!/bin/sh\n")
        given = {name: value.replace("$CI_PROJECT_DIR", str(project))
                 for name, value in job["variables"].items()}
        environment = stage.environment() | given | changes | {
            "CI_MERGE_REQUEST_DIFF_BASE_SHA": git("rev-parse", "HEAD^1", cwd=project)}
        said, codes = "", []
        for lines in (job["before_script"] + job["script"], job["after_script"]):
            finished = run_script("\n".join(["set -eo pipefail", *lines]), project, environment)
            codes.append(finished.returncode)
            said += finished.stdout
        return codes, said, project

    def kubernetes(self):
        """name -> the job's description"""
        text = (EXAMPLES / "kubernetes-indexed-job.yaml").read_text()
        return {found["metadata"]["name"]: found for found in yaml.safe_load_all(text)
                if found["kind"] == "Job"}

    def pod(self, stage, job, changes, index=0):
        container, = job["spec"]["template"]["spec"]["containers"]
        given = {variable["name"]: variable["value"] for variable in container["env"]}
        own = {"WASMFIT_HOME": str(stage.action), "RUNS": str(self.place / "runs"),
               "JOB_COMPLETION_INDEX": str(index)}
        return subprocess.run([*container["command"], *container["args"]], cwd=self.place,
                              env=stage.environment() | given | own | changes, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)


def run_script(script, folder, environment):
    return subprocess.run(["bash", "-c", script], cwd=folder, env=environment, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
