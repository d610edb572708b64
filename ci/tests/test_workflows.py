"""The reader of expressions and the runner of workflows: what they make of which text, and what
they refuse."""

import tempfile
import unittest
from pathlib import Path

from expressions import ExpressionError, condition, evaluate, fill
from places import repository
from workflows import Stage, WorkflowError, run_workflow, status_functions

CONTEXTS = {
    "inputs": {"name": "a b", "flag": "true", "none": ""},
    "steps": {"one": {"outputs": {"exit-code": "6"}}},
    "matrix": {"shard": 2},
} | status_functions(lambda: True)


class Expressions(unittest.TestCase):
    def test_values(self):
        for text, expected in (
                ("inputs.name", "a b"), ("'it''s'", "it's"), ("matrix.shard", 2),
                ("steps.one.outputs.exit-code", "6"), ("inputs.flag == 'TRUE'", True),
                ("inputs.none != ''", False), ("matrix.shard > 1", True),
                ("matrix.shard == '2'", True), ("!inputs.none && inputs.name", "a b"),
                ("inputs.none || 'other'", "other"), ("always() && (false || true)", True),
                ("null == 0", True)):
            with self.subTest(text):
                self.assertEqual(evaluate(text, CONTEXTS), expected)

    def test_text_around_expressions_is_kept(self):
        self.assertEqual(fill("--shard ${{ matrix.shard }}/${{ inputs.flag }}", CONTEXTS),
                         "--shard 2/true")
        self.assertEqual(fill("${{ matrix.shard }}", CONTEXTS), 2)

    def test_what_is_not_known_is_an_error(self):
        for text in ("inputs.nane", "steps.two.outputs.x", "secrets.token", "toJSON(inputs)",
                     "inputs.name ==", "inputs['name']", "(true", "true false", "inputs.name.x",
                     '"text"', "hashFiles('a')"):
            with self.subTest(text), self.assertRaises((ExpressionError, IndexError)):
                evaluate(text, CONTEXTS)

    def test_a_condition_asks_for_success_unless_it_asks_for_a_status(self):
        failed = CONTEXTS | status_functions(lambda: False)
        for text, after_success, after_failure in (
                (None, True, False), ("inputs.flag == 'true'", True, False),
                ("${{ always() }}", True, True), ("failure()", False, True),
                ("!cancelled() && inputs.name != ''", True, True)):
            with self.subTest(text):
                self.assertIs(condition(text, CONTEXTS), after_success)
                self.assertIs(condition(text, failed), after_failure)


class Workflows(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.root = Path(holder.name)

    def run_steps(self, *steps, **job):
        stage = Stage(self.root, repository(), "/bin/true")
        jobs = {"only": {"steps": list(steps)} | job}
        return run_workflow(stage, {"on": {"push": None}, "jobs": jobs})["only"]

    def conclusions(self, job):
        return [step.conclusion for step in job.steps]

    def test_steps_after_a_failure_are_skipped_unless_they_run_always(self):
        job, = self.run_steps({"run": "exit 6", "id": "a"}, {"run": "true"},
                              {"run": "true", "if": "${{ always() }}"})
        self.assertEqual((job.conclusion, self.conclusions(job)),
                         ("failure", ["failure", "skipped", "success"]))
        self.assertEqual(job.steps[0].exit_code, 6)

    def test_a_step_may_fail_where_it_says_so(self):
        job, = self.run_steps({"run": "exit 1", "continue-on-error": True}, {"run": "true"})
        self.assertEqual((job.conclusion, self.conclusions(job)),
                         ("success", ["success", "success"]))

    def test_outputs_and_variables_reach_later_steps_and_the_summary_is_kept(self):
        job, = self.run_steps(
            {"id": "a", "run": 'echo "x=1 2" >> "$GITHUB_OUTPUT"'},
            {"run": 'echo "$X" >> "$GITHUB_STEP_SUMMARY"',
             "env": {"X": "${{ steps.a.outputs.x }}!"}})
        self.assertEqual(job.summary, "1 2!\n")

    def test_a_failure_within_a_pipe_counts_where_bash_is_named(self):
        for shell, expected in (({}, "success"), ({"shell": "bash"}, "failure")):
            self.root = Path(tempfile.mkdtemp(dir=self.root))
            job, = self.run_steps({"run": "false | true"} | shell)
            self.assertEqual(job.conclusion, expected)

    def test_a_matrix_is_one_job_each(self):
        jobs = self.run_steps({"run": 'echo "$N" >> "$GITHUB_STEP_SUMMARY"',
                               "env": {"N": "${{ matrix.n }} of ${{ strategy.job-total }}"}},
                              strategy={"matrix": {"n": [1, 2]}})
        self.assertEqual([job.summary for job in jobs], ["1 of 2\n", "2 of 2\n"])

    def test_what_is_not_known_or_not_safe_is_an_error(self):
        for step in ({"run": "echo ${{ github.ref }}"}, {"uses": "someone/action@v1"},
                     {"run": "true", "working-directory": "x"},
                     {"uses": "wasmfit/wasmfit@main", "with": {"workload": "x"}},
                     {"run": "true", "env": {"X": "${{ steps.b.outputs.x }}"}}):
            self.root = Path(tempfile.mkdtemp(dir=self.root))
            with self.subTest(step), self.assertRaises((WorkflowError, ExpressionError)):
                self.run_steps(step)

    def test_an_output_that_a_step_did_not_set_is_an_error(self):
        with self.assertRaises(ExpressionError):
            self.run_steps({"id": "a", "run": "true"},
                           {"run": "true", "if": "steps.a.outputs.x == ''"})


if __name__ == "__main__":
    unittest.main()
