"""Every shell script of ci/, of the action and of the examples: read by shellcheck, and tried."""

import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import yaml

from places import EXAMPLES
from test_schemas import ACTION, GITLAB, MANIFEST, WORKFLOWS
from workflows import REPOSITORY, read_workflow

CI = REPOSITORY / "ci"
SHELLCHECK = Path(sys.executable).with_name("shellcheck")


def embedded():
    """(where, script) of all that is written within YAML"""
    steps = [(ACTION, step) for step in yaml.safe_load(ACTION.read_text())["runs"]["steps"]]
    for path in WORKFLOWS:
        jobs = read_workflow(path)["jobs"].values()
        steps += [(path, step) for job in jobs for step in job["steps"]]
    for path, step in steps:
        if "run" in step:
            yield f"{path.name}: {step['name']}", step["run"]
    job = yaml.safe_load(GITLAB.read_text())["wasmfit"]
    for part in ("before_script", "script", "after_script"):
        yield f"{GITLAB.name}: {part}", "\n".join(job[part])
    for found in yaml.safe_load_all(MANIFEST.read_text()):
        if found["kind"] == "Job":
            for container in found["spec"]["template"]["spec"]["containers"]:
                yield f"{MANIFEST.name}: {found['metadata']['name']}", container["args"][0]


class Scripts(unittest.TestCase):
    def assert_clean(self, *arguments, script=None):
        finished = subprocess.run([SHELLCHECK, *arguments], input=script, capture_output=True,
                                  text=True)
        self.assertEqual(finished.returncode, 0, finished.stdout + finished.stderr)

    def test_shellcheck_finds_nothing_in_files(self):
        self.assert_clean(*sorted(CI.glob("*.sh")))

    def test_shellcheck_finds_nothing_in_embedded_scripts(self):
        found = list(embedded())
        self.assertGreater(len(found), 12)
        for where, script in found:
            with self.subTest(where):
                self.assert_clean("--shell=bash", "-", script=script)

    def test_no_expression_is_within_a_script(self):
        for where, script in embedded():
            self.assertNotIn("${{", script, where)

    def test_every_script_can_be_started(self):
        for path in CI.glob("*.sh"):
            self.assertTrue(os.access(path, os.X_OK), path)
            self.assertIn("\nset -euo pipefail\n", path.read_text(), path)

    def test_scripts_that_are_named_are_there(self):
        for where, script in embedded():
            for word in script.replace('"', " ").split():
                if word.endswith(".sh") and "/ci/" in word:
                    self.assertTrue((CI / Path(word).name).is_file(), (where, word))


class Documentation(unittest.TestCase):
    text = (REPOSITORY / "docs" / "ci.md").read_text()

    def test_links_lead_somewhere(self):
        links = re.findall(r"\]\(([^)#]+)\)", self.text)
        self.assertGreater(len(links), 5)
        for link in links:
            self.assertTrue((REPOSITORY / "docs" / link).exists(), link)

    def test_every_example_is_named(self):
        for path in EXAMPLES.iterdir():
            self.assertIn(f"ci/examples/{path.name}", self.text)

    def test_uses_of_the_action_name_inputs_it_has(self):
        inputs = yaml.safe_load(ACTION.read_text())["inputs"]
        for source in (self.text, (REPOSITORY / "README.md").read_text()):
            step, = yaml.safe_load(re.search(r"```yaml\n(- uses: .*?)```", source, re.DOTALL)[1])
            self.assertLessEqual(set(step["with"]), set(inputs))

    def test_every_variable_is_described_and_set_by_the_action(self):
        script = (CI / "measure.sh").read_text()
        used = set(re.findall(r"\{(MEASURE_\w+)", script))
        described = set(re.findall(r"^#   (MEASURE_\w+)", script, re.MULTILINE))
        set_there = set(re.findall(r"(MEASURE_\w+):", ACTION.read_text()))
        self.assertEqual(used, described)
        self.assertEqual(used, set_there)


class Place(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.place = Path(holder.name)

    def run_script(self, name, *arguments, **variables):
        environment = {"PATH": os.environ["PATH"], "HOME": "/home/user"} | variables
        for variable in ("RUSTUP_HOME", "CARGO_HOME"):
            folder = os.environ.get(variable) or Path.home() / f".{variable[:-5].lower()}"
            environment.setdefault(variable, str(folder))
        return subprocess.run([self.place / "ci" / name, *arguments], cwd=self.place,
                              env=environment, capture_output=True, text=True)


class Measure(Place):
    def setUp(self):
        super().setUp()
        (self.place / "ci").symlink_to(CI)
        release = self.place / "target" / "release"
        release.mkdir(parents=True)
        program = release / "wasmfit"
        program.write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\nexit 6\n")
        program.chmod(0o755)

    def measure(self, **variables):
        finished = self.run_script("measure.sh", **variables)
        self.assertEqual((finished.returncode, finished.stderr), (6, ""))
        return finished.stdout.splitlines()

    def test_nothing_is_passed_on_that_is_not_set(self):
        self.assertEqual(self.measure(), ["bench", "--out=wasmfit-run"])
        self.assertEqual(self.measure(MEASURE_WORKLOADS=" \n ", MEASURE_FAIL_ON=""),
                         ["bench", "--out=wasmfit-run"])

    def test_lists_are_split_and_quotes_keep_words_together(self):
        said = self.measure(MEASURE_WORKLOADS='one "two three"\n./four\n',
                            MEASURE_ARGUMENTS="--memory 512", MEASURE_OUT="a b")
        self.assertEqual(said, ["bench", "--out=a b", "--workload=one", "--workload=two three",
                                "--workload=./four", "--memory", "512"])

    def test_nothing_in_a_variable_is_run_or_becomes_an_option(self):
        hostile = "$(touch hurt) `touch hurt` ; touch hurt; --fail-on=never * ~"
        said = self.measure(MEASURE_WORKLOADS=hostile, MEASURE_PROFILE=hostile)
        self.assertFalse((self.place / "hurt").exists())
        self.assertTrue(all(line.startswith("--workload=") for line in said[2:-1]), said)
        self.assertIn("--workload=--fail-on=never", said)
        self.assertIn("--workload=*", said)
        self.assertEqual(said[-1], f"--profile={hostile}")

    def test_the_gate_is_passed_on_only_where_something_is_compared(self):
        gate = {"MEASURE_FAIL_ON": "never", "MEASURE_MIN_EFFECT": "3%",
                "MEASURE_UNTIL_DECIDED": "1min"}
        passed = ["--until-decided=1min", "--min-effect=3%", "--fail-on=never"]
        self.assertEqual(self.measure(**gate), ["bench", "--out=wasmfit-run"])
        for base in ({"MEASURE_BASELINE": "b"}, {"MEASURE_BASE_WORKLOADS": "b"},
                     {"MEASURE_BASE_PYTHON": "b"}, {"MEASURE_ARGUMENTS": "--base-runner a=b"}):
            with self.subTest(base):
                self.assertEqual(self.measure(**gate, **base)[-3:], passed)

    def test_a_run_is_gone_on_with_only_when_asked_for(self):
        (self.place / "run").mkdir()
        (self.place / "run" / "run.json").touch()
        there = {"MEASURE_OUT": "run", "MEASURE_PROFILE": "quick"}
        self.assertEqual(self.measure(**there), ["bench", "--out=run", "--profile=quick"])
        self.assertEqual(self.measure(**there, MEASURE_RESUME="true"), ["bench", "--resume=run"])
        self.assertEqual(self.measure(MEASURE_OUT="new", MEASURE_RESUME="true"),
                         ["bench", "--out=new"])

    def test_an_open_quote_is_wrong_usage(self):
        self.assertEqual(self.run_script("measure.sh", MEASURE_TARGETS="'a").returncode, 2)


class Keys(Place):
    def setUp(self):
        super().setUp()
        (self.place / "ci").symlink_to(CI)
        for path in ("scripts/pins", "scripts/setup_parts"):
            (self.place / path).mkdir(parents=True)
            (self.place / path / "file").write_text("1")
        (self.place / "Cargo.lock").write_text("1")

    def keys(self, **variables):
        finished = self.run_script("keys.sh", **variables)
        self.assertEqual((finished.returncode, finished.stderr), (0, ""))
        return dict(line.split("=", 1) for line in finished.stdout.splitlines())

    def changed(self, before, **variables):
        return {name for name, value in self.keys(**variables).items() if value != before[name]}

    def test_a_cache_is_new_when_what_it_is_made_of_is(self):
        everything = {"setup", "build", "artifacts", "any-artifacts"}
        for path, expected in (("scripts/pins/file", everything - {"build"}),
                               ("scripts/setup_parts/file", {"setup"}),
                               ("Cargo.lock", everything - {"setup"})):
            with self.subTest(path):
                before = self.keys()
                (self.place / path).write_text("2")
                self.assertEqual(self.changed(before), expected)

    def test_other_targets_have_other_artifacts_and_begin_with_those_there_are(self):
        before = self.keys()
        self.assertEqual(self.changed(before, TARGETS="native@cpython-3.15"), {"artifacts"})
        self.assertTrue(before["artifacts"].startswith(before["any-artifacts"]))

    def test_the_cache_is_where_set_up_puts_it(self):
        for variables, expected in (({}, "/home/user/.cache/wasmfit"),
                                    ({"XDG_CACHE_HOME": "/x"}, "/x/wasmfit"),
                                    ({"WASMFIT_CACHE": "/w"}, "/w")):
            self.assertEqual(self.keys(**variables)["cache"], expected)


class Documents(Place):
    def setUp(self):
        super().setUp()
        (self.place / "ci").symlink_to(CI)
        self.run_directory = self.place / "run"
        self.run_directory.mkdir()

    def test_a_document_is_cut_behind_a_line(self):
        document = self.place / "document.md"
        for text, limit, expected in (
                ("one\ntwo\n", "8", "one\ntwo\n"),
                ("one\ntwo\n", "7", "one\n\n*Cut here: the run directory has all of it.*\n"),
                ("żółw\n", "7", "\n*Cut here: the run directory has all of it.*\n")):
            document.write_text(text)
            self.assertEqual(self.run_script("excerpt.sh", document, limit).stdout, expected)

    def test_a_comment_fits_githubs_limit(self):
        comparison = self.place / "comparison.md"
        comparison.write_text("| a | row |\n" * 10_000)
        said = self.run_script("comment.sh", comparison).stdout
        self.assertLess(len(said), 65536)
        self.assertTrue(said.startswith("<!-- wasmfit -->\n| a | row |\n"))

    def test_a_summary_says_what_failed_and_prefers_the_comparison(self):
        for code, named in (("0", ""), ("1", "cell"), ("6", "comparison failed"), ("5", "code 5"),
                            ("130", "Interrupted")):
            self.assertIn(named, self.run_script("summary.sh", "run", code).stdout)
        (self.run_directory / "report.md").write_text("# Report\n")
        self.assertEqual(self.run_script("summary.sh", "run", "0").stdout, "# Report\n")
        (self.run_directory / "comparison.md").write_text("# Comparison\n")
        self.assertEqual(self.run_script("summary.sh", "run", "0").stdout, "# Comparison\n")


if __name__ == "__main__":
    unittest.main()
