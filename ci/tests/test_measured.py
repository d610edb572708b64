"""The examples with the real wasmfit, on one or two workloads, two targets and a minute at most.

A change that costs nothing has to pass, and one that does its work 1.5 times has to fail, or three
times between sessions, with the report of it kept. With WASMFIT_BUILT=1 set-up and build are taken as done; else both are run too.
"""

import json
import os
import unittest
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from places import ExampleCase, repository
from test_examples import AFTER, LAST
from workflows import REPOSITORY

PROGRAM = REPOSITORY / "target" / "release" / "wasmfit"
QUICK = {"until-decided": "1min", "profile": "quick"}
# Between sessions changes count from 25%, so work that is done three times is looked for; and a
# baseline of five launches is at the mercy of one of them.
APART = {"until-decided": "1min", "profile": "default"}
CACHES = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
CACHE = os.environ.get("WASMFIT_CACHE") or str(Path(CACHES) / "wasmfit")


class MeasuredCase(ExampleCase):
    built = os.environ.get("WASMFIT_BUILT") == "1"

    def setUp(self):
        self.assertTrue(not self.built or PROGRAM.is_file(), f"{PROGRAM} has not been built")
        super().setUp()

    def assert_comparison(self, run):
        self.assertTrue((run / "comparison.md").read_text().strip())
        json.loads((run / "comparison.json").read_text())
        for part in (run, run / "base"):
            self.assertTrue((part / "run.json").is_file(), part)


class PullRequest(MeasuredCase):
    def run_it(self, work):
        stage = self.stage(work)
        job, = self.workflow(stage, "github-pull-request.yml", changes=QUICK)["compare"]
        # Whatever the gate said: the run was measured, and all of it is kept.
        self.assertEqual(job.step("Measure").conclusion, "success", job.story())
        self.assert_ran(job, *AFTER, "Comment")
        self.assert_comparison(stage.artifacts / "wasmfit-run")
        self.assertIn("my-model", (self.place / "comment.md").read_text())
        self.assertIn("my-model", job.summary)
        return job

    def test_a_change_that_costs_nothing_passes(self):
        job = self.run_it(work=1)
        self.assertEqual(job.conclusion, "success", job.story())

    def test_work_done_one_and_a_half_times_fails_the_job(self):
        job = self.run_it(work=1.5)
        self.assertEqual((job.conclusion, job.step(LAST).exit_code), ("failure", 6), job.story())


class GitLab(MeasuredCase):
    changes = {"MEASURE_UNTIL_DECIDED": "1min", "WASMFIT_CACHE": CACHE,
               "CARGO_HOME": os.environ.get("CARGO_HOME") or str(Path.home() / ".cargo")}

    def test_a_regression_fails_the_job_and_stands_in_the_junit_report(self):
        codes, said, project = self.gitlab(self.stage(work=1.5), self.changes)
        self.assertEqual(codes[0], 6, said)
        self.assert_comparison(project / "wasmfit-run")
        report = ElementTree.parse(project / "wasmfit-run" / "junit.xml")
        self.assertTrue(list(report.iter("testcase")), said)
        self.assertTrue(list(report.iter("failure")), said)


class Baseline(MeasuredCase):
    def night(self, stage):
        job, = self.workflow(stage, "github-baseline.yml", changes=APART)["measure"]
        return job, (stage.artifacts / "wasmfit-run" / "comparison.md").is_file()

    def test_a_saved_run_is_compared_with_and_a_regression_fails_the_job(self):
        stage = self.stage()
        for compared in (False, True):
            job, was_compared = self.night(stage)
            self.assertEqual(job.conclusion, "success", job.story())
            self.assertEqual(was_compared, compared, job.story())
        json.loads((stage.artifacts / "wasmfit-baseline" / "figures.json").read_text())
        stage.repository = repository(work=3)
        job, _ = self.night(stage)
        self.assertEqual((job.conclusion, job.step(LAST).exit_code), ("failure", 6), job.story())


class Matrix(MeasuredCase):
    def test_shards_are_merged_into_one_report(self):
        stage = self.stage()
        jobs = self.workflow(stage, "github-matrix.yml", changes=QUICK)
        self.assert_ended(jobs, "measure", "success")
        self.assert_ended(jobs, "merge", "success")
        report = (stage.artifacts / "wasmfit-report" / "merged" / "report.md").read_text()
        for workload in ("my-model", "my-tokenizer"):
            self.assertIn(workload, report)
        self.assertTrue((stage.artifacts / "wasmfit-report" / "site" / "index.html").is_file())


class Kubernetes(MeasuredCase):
    def test_shards_end_at_once_when_they_are_complete_and_are_merged(self):
        stage, jobs = self.stage(), self.kubernetes()
        models = stage.repository / "models"
        changes = {"MEASURE_WORKLOADS": f"{models}/my-model {models}/my-tokenizer",
                   "MEASURE_PROFILE": "quick", "SHARDS": "2"}
        for index in (0, 1, 0):
            finished = self.pod(stage, jobs["wasmfit-shards"], changes, index)
            self.assertEqual(finished.returncode, 0, finished.stdout)
        finished = self.pod(stage, jobs["wasmfit-merge"], changes)
        self.assertEqual(finished.returncode, 0, finished.stdout)
        report = (self.place / "runs" / "merged" / "report.md").read_text()
        self.assertIn("my-tokenizer", report)


if __name__ == "__main__":
    unittest.main()
