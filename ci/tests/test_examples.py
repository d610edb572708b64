"""The action and every example, step by step, with a wasmfit that measures nothing.

What is tested is all around the measurement: which options it gets, and that nothing of the run is
lost when it fails. test_measured.py does the same with the real one.
"""

import json
import os
import unittest
from pathlib import Path
from unittest import mock

from places import ExampleCase

FAKE = Path(__file__).with_name("fake_wasmfit.py")
AFTER = ("Save what was compiled of the guests", "Summarise", "Upload the run")
LAST = "End as the measurement did"


class FakeCase(ExampleCase):
    program = FAKE

    def setUp(self):
        super().setUp()
        self.set(FAKE_LOG=str(self.place / "log"))

    def set(self, **variables):
        patch = mock.patch.dict(os.environ, variables)
        patch.start()
        self.addCleanup(patch.stop)

    def calls(self, command="bench"):
        lines = (self.place / "log").read_text().splitlines()
        return [call[1:] for call in map(json.loads, lines) if call[0] == command]


class PullRequest(FakeCase):
    def run_it(self, **options):
        stage = self.stage()
        job, = self.workflow(stage, "github-pull-request.yml", **options)["compare"]
        return stage, job

    def test_old_and_new_are_compared_and_the_comment_is_posted(self):
        stage, job = self.run_it()
        self.assertEqual(job.conclusion, "success", job.story())
        call, = self.calls()
        base = next(option for option in call if option.startswith("--base-workloads="))
        self.assertEqual(call, [
            "--out=wasmfit-run", "--workload=models/my-model", "--target=native@cpython-3.15",
            "--target=wasmtime/cranelift@cpython-3.15", "--profile=quick", base,
            "--until-decided=20min", "--min-effect=3%", "--fail-on=regression"])
        self.assertEqual((self.place / "comment.md").read_text(),
                         "<!-- wasmfit -->\n# A comparison\n")
        self.assertEqual(job.summary, "# A comparison\n")
        self.assertTrue((stage.artifacts / "wasmfit-run" / "base" / "run.json").is_file())
        self.assertEqual(len(stage.caches), 3)

    def test_a_regression_fails_the_job_after_everything_is_kept(self):
        self.set(FAKE_EXIT="6")
        stage, job = self.run_it()
        self.assertEqual(job.conclusion, "failure", job.story())
        self.assertEqual(job.step(LAST).exit_code, 6, job.story())
        self.assert_ran(job, "Measure", *AFTER, "Comment")
        self.assertIn("**The comparison failed this job.**\n\n# A comparison\n", job.summary)
        self.assertTrue((self.place / "comment.md").exists())
        self.assertTrue((stage.artifacts / "wasmfit-run" / "comparison.json").is_file())
        self.assertEqual(len(stage.caches), 3)

    def test_an_earlier_comment_is_changed(self):
        (self.place / "comment.md").write_text("an earlier one")
        self.run_it()
        self.assertIn("--method PATCH", (self.place / "gh.log").read_text())
        self.assertIn("# A comparison", (self.place / "comment.md").read_text())

    def test_a_fork_gets_no_comment(self):
        event = {"pull_request": {"number": 7, "head": {"repo": {"full_name": "fork/repository"}}}}
        _, job = self.run_it(event=event)
        self.assertEqual(job.conclusion, "success", job.story())
        self.assertEqual(job.step("Comment").conclusion, "skipped")

    def test_a_measurement_that_never_began_fails_with_its_own_code(self):
        self.set(FAKE_EXIT="3")
        stage, job = self.run_it()
        self.assertEqual(job.step(LAST).exit_code, 3, job.story())
        self.assertEqual(job.step("Comment").conclusion, "skipped")
        self.assertIn("exit code 3", job.summary)
        self.assertFalse((stage.artifacts / "wasmfit-run").exists())

    def test_a_set_up_that_fails_fails_the_job(self):
        stage = self.stage()
        (stage.action / "scripts" / "setup").write_text("#!/bin/sh\nexit 1\n")
        job, = self.workflow(stage, "github-pull-request.yml")["compare"]
        self.assertEqual(job.conclusion, "failure")
        for name in ("Measure", "Summarise", LAST, "Comment"):
            self.assertEqual(job.step(name).conclusion, "skipped", job.story())


class Baseline(FakeCase):
    baseline = "wasmfit-baseline"

    def night(self, stage, **options):
        job, = self.workflow(stage, "github-baseline.yml", **options)["measure"]
        return job

    def test_the_first_night_saves_one_and_later_ones_compare_with_it(self):
        stage = self.stage()
        first = self.night(stage)
        self.assertEqual(first.conclusion, "success", first.story())
        saved = stage.artifacts / self.baseline / "figures.json"
        saved.write_text("the first")
        self.set(FAKE_EXIT="6")
        second = self.night(stage)
        self.assertEqual(second.step(LAST).exit_code, 6, second.story())
        self.assert_ran(second, "Keep the baseline")
        self.assertEqual(saved.read_text(), "the first")
        options = [[option for option in call if option.startswith(("--base", "--fail"))]
                   for call in self.calls()]
        self.assertEqual(options, [[], ["--baseline=baseline/figures.json",
                                        "--fail-on=regression,verdict"]])

    def test_a_run_that_is_accepted_becomes_the_baseline(self):
        stage = self.stage()
        self.night(stage)
        saved = stage.artifacts / self.baseline / "figures.json"
        saved.write_text("the first")
        job = self.night(stage, inputs={"accept": True})
        self.assertEqual(job.conclusion, "success", job.story())
        self.assertEqual(saved.read_text(), "{}\n")


class Matrix(FakeCase):
    def test_shards_are_measured_merged_and_published(self):
        stage = self.stage()
        jobs = self.workflow(stage, "github-matrix.yml")
        self.assert_ended(jobs, "measure", "success")
        self.assert_ended(jobs, "merge", "success")
        shards = [option for call in self.calls() for option in call if "/2" in option]
        self.assertEqual(shards, ["1/2", "2/2"])
        self.assertEqual(jobs["merge"][0].summary, "# Merged of 2\n")
        report = stage.artifacts / "wasmfit-report"
        self.assertEqual(sorted(path.name for path in report.iterdir()), ["merged", "site"])

    def test_a_lost_shard_is_gone_on_with_when_failed_jobs_are_run_again(self):
        self.set(FAKE_LOST="2/2")
        stage = self.stage()
        jobs = self.workflow(stage, "github-matrix.yml")
        self.assertEqual([job.conclusion for job in jobs["measure"]], ["success", "failure"])
        self.assert_ended(jobs, "merge", "failure")
        again = self.workflow(stage, "github-matrix.yml", earlier=jobs)
        self.assert_ended(again, "measure", "success")
        self.assert_ended(again, "merge", "success")
        self.assertEqual(self.calls()[2:], [["--resume=shard-2"]])

    def test_a_shard_that_left_nothing_is_measured_from_its_beginning(self):
        self.set(FAKE_EXIT="3")
        stage = self.stage()
        jobs = self.workflow(stage, "github-matrix.yml")
        self.assert_ended(jobs, "measure", "failure")
        self.set(FAKE_EXIT="0")
        again = self.workflow(stage, "github-matrix.yml", earlier=jobs)
        self.assert_ended(again, "merge", "success")

    def test_a_failed_cell_is_merged(self):
        self.set(FAKE_EXIT="1")
        jobs = self.workflow(self.stage(), "github-matrix.yml")
        self.assert_ended(jobs, "measure", "failure")
        self.assert_ended(jobs, "merge", "success")


class GitLab(FakeCase):
    def test_a_change_that_costs_nothing_passes(self):
        codes, said, project = self.gitlab(self.stage(), {})
        self.assertEqual(codes, [0, 0], said)
        self.assertEqual((project / "wasmfit-run/junit.xml").read_text(), "<testsuites/>\n")
        call, = self.calls()
        self.assertIn("--base-workloads=.base/models", call)

    def test_a_regression_is_the_jobs_exit_code(self):
        self.set(FAKE_EXIT="6")
        codes, said, project = self.gitlab(self.stage(), {})
        self.assertEqual(codes[0], 6, said)
        self.assertTrue((project / "wasmfit-run/junit.xml").is_file())


class Kubernetes(FakeCase):
    def setUp(self):
        super().setUp()
        self.running = self.stage()
        self.jobs = self.kubernetes()
        self.number = self.jobs["wasmfit-shards"]["spec"]["completions"]

    def shard(self, index):
        return self.pod(self.running, self.jobs["wasmfit-shards"], {}, index).returncode

    def merge(self):
        return self.pod(self.running, self.jobs["wasmfit-merge"], {}).returncode

    def test_the_number_of_shards_is_the_same_everywhere(self):
        job = self.jobs["wasmfit-shards"]["spec"]
        container, = job["template"]["spec"]["containers"]
        shards, = (it["value"] for it in container["env"] if it["name"] == "SHARDS")
        self.assertEqual({job["completions"], job["parallelism"], int(shards)}, {self.number})

    def test_a_killed_shard_is_gone_on_with_and_all_are_merged(self):
        self.set(FAKE_LOST=f"2/{self.number}")
        self.assertEqual([self.shard(index) for index in range(self.number)], [0, 137, 0, 0])
        self.assertEqual(self.merge(), 4)
        self.assertEqual(self.shard(1), 0)
        self.assertEqual(self.merge(), 0)
        resumed = [call for call in self.calls() if any("--resume" in option for option in call)]
        self.assertEqual(len(resumed), 1)

    def test_a_failed_cell_is_a_result(self):
        self.set(FAKE_EXIT="1")
        self.assertEqual(self.shard(0), 0)

    def test_what_no_retry_mends_keeps_its_code(self):
        self.set(FAKE_EXIT="3")
        self.assertEqual(self.shard(0), 3)


if __name__ == "__main__":
    unittest.main()
