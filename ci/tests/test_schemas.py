"""The action and the examples, against the schemas of those that will read them. Needs no network:
the schemas come with the packages of scripts/pins/lint-requirements.txt."""

import contextlib
import io
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import kubernetes_validate
import yaml

from places import EXAMPLES
from workflows import REPOSITORY

# The oldest that knows everything in the manifest, and the newest that has a schema.
KUBERNETES = ("1.31.0", "1.37.0")
ACTION = REPOSITORY / "action.yml"
WORKFLOWS = sorted(EXAMPLES.glob("github-*.yml"))
GITLAB = EXAMPLES / "gitlab-ci.yml"
MANIFEST = EXAMPLES / "kubernetes-indexed-job.yaml"


def check(schema, *arguments):
    # A proxy that refuses: what asks the network fails.
    offline = os.environ | {"https_proxy": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"}
    return subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}",
         *map(str, arguments)], capture_output=True, text=True, env=offline)


class Schemas(unittest.TestCase):
    def assert_valid(self, schema, *arguments):
        finished = check(schema, *arguments)
        self.assertEqual(finished.returncode, 0, finished.stdout + finished.stderr)

    def test_the_action(self):
        self.assert_valid("github-actions", ACTION)

    def test_the_workflows(self):
        self.assertEqual(len(WORKFLOWS), 3)
        self.assert_valid("github-workflows", *WORKFLOWS)

    def test_the_gitlab_job(self):
        self.assert_valid("gitlab-ci", "--data-transform", "gitlab-ci", GITLAB)

    def test_the_kubernetes_manifest(self):
        for version in KUBERNETES:
            for resource in yaml.safe_load_all(MANIFEST.read_text()):
                with self.subTest(version=version, kind=resource["kind"]):
                    validate(resource, version)

    def test_a_mistake_is_found(self):
        mistakes = (("github-actions", ACTION, "using: composite", "using: composit"),
                    ("github-workflows", WORKFLOWS[0], "runs-on:", "run-on:"),
                    ("gitlab-ci", GITLAB, "interruptible: true", "interruptible: 3"))
        for schema, source, right, wrong in mistakes:
            text = source.read_text()
            self.assertIn(right, text)
            with self.subTest(schema), tempfile.TemporaryDirectory() as folder:
                path = Path(folder, "file.yml")
                path.write_text(text.replace(right, wrong))
                self.assertEqual(check(schema, path).returncode, 1)
        resource = list(yaml.safe_load_all(MANIFEST.read_text()))[1]
        resource["spec"]["completionsMode"] = resource["spec"].pop("completionMode")
        with self.assertRaises(kubernetes_validate.ValidationError):
            validate(resource, KUBERNETES[-1])


def validate(resource, version):
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        kubernetes_validate.validate(resource, version, strict=True)


class Manifest(unittest.TestCase):
    """What no schema says: rules that the API server or the scheduler goes by."""

    def setUp(self):
        jobs = {found["metadata"]["name"]: found["spec"]
                for found in yaml.safe_load_all(MANIFEST.read_text()) if found["kind"] == "Job"}
        self.shards, self.merge = jobs["wasmfit-shards"], jobs["wasmfit-merge"]

    def test_a_failure_policy_needs_pods_that_are_not_restarted(self):
        self.assertIn("podFailurePolicy", self.shards)
        self.assertEqual(self.shards["template"]["spec"]["restartPolicy"], "Never")

    def test_cores_are_exclusive_when_requests_equal_limits_in_whole_cpus(self):
        container, = self.shards["template"]["spec"]["containers"]
        resources = container["resources"]
        self.assertEqual(resources["requests"], resources["limits"])
        self.assertTrue(resources["requests"]["cpu"].isdigit())

    def test_two_shards_never_share_a_node(self):
        pod = self.shards["template"]
        rules = pod["spec"]["affinity"]["podAntiAffinity"]
        term, = rules["requiredDuringSchedulingIgnoredDuringExecution"]
        self.assertEqual(term["labelSelector"]["matchLabels"], pod["metadata"]["labels"])

    def test_every_volume_is_there_and_both_jobs_see_the_same(self):
        claims = set()
        for spec in (self.shards, self.merge):
            pod = spec["template"]["spec"]
            names = {volume["name"] for volume in pod["volumes"]}
            container, = pod["containers"]
            self.assertEqual({mount["name"] for mount in container["volumeMounts"]}, names)
            claims |= {volume["persistentVolumeClaim"]["claimName"] for volume in pod["volumes"]}
        self.assertEqual(claims, {"wasmfit-runs"})


if __name__ == "__main__":
    unittest.main()
