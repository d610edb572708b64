"""Tests of what scripts/build makes of a build that fails. Run: python3 scripts/test_build.py"""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

BUILD = Path(__file__).resolve().parent / "build"

# Answers as cargo would: what is built, and what it says of the rest.
FAKE_CARGO = """\
#!{python}
import json, sys
names = {names}
if sys.argv[1] == "metadata":
    targets = [{{"name": name, "kind": ["cdylib" if "_" in name else "bin"]}} for name in names]
    print(json.dumps({{"packages": [{{"targets": targets}}, {{"targets": [
        {{"name": "wasmfit_kit", "kind": ["lib"]}}]}}], "target_directory": {target!r}}}))
    sys.exit()
for name in names:
    if name not in {broken}:
        print(json.dumps({{"reason": "compiler-artifact", "target": {{
            "name": name, "kind": ["cdylib" if "_" in name else "bin"]}}}}))
print(json.dumps({{"reason": "build-finished"}}))
sys.stderr.write("  Building [==> ] 3/9\\r\\x1b[K")
for name in {broken}:
    print(f"\\x1b[1merror\\x1b[0m: could not compile `{{name}}` (bin) due to 1 previous error",
          file=sys.stderr)
sys.exit({code})
"""


class Build(unittest.TestCase):
    names = ("wasmfit", "wasmfit_native", "wasmfit-wasmer", "wasmfit-wasmtime")

    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.root = Path(holder.name)

    def build(self, *broken, names=names, code=None):
        """What scripts/build does in a tree of its own, with a cargo that cannot build these."""
        scripts, programs = self.root / "tree" / "scripts", self.root / "bin"
        release = self.root / "tree" / "target" / "release"
        for folder in (scripts, programs, release):
            folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(BUILD, scripts)
        (scripts / "setup_parts").unlink(missing_ok=True)
        (scripts / "setup_parts").symlink_to(BUILD.with_name("setup_parts"))
        for name in names:
            (release / name).touch()
        cargo = programs / "cargo"
        cargo.write_text(FAKE_CARGO.format(
            python=sys.executable, names=names, broken=broken, target=str(release.parent),
            code=code if code is not None else 101 if broken else 0))
        cargo.chmod(0o755)
        path = f"{programs}{os.pathsep}{os.environ['PATH']}"
        finished = subprocess.run([sys.executable, scripts / "build"], capture_output=True,
                                  text=True, env=os.environ | {"PATH": path})
        self.log = release.parent / "build.log"
        self.left = sorted(path.name for path in release.iterdir())
        return finished

    def test_a_complete_build_says_nothing_of_its_own(self):
        finished = self.build()
        self.assertEqual((finished.returncode, finished.stdout), (0, ""))
        self.assertNotIn("warning", finished.stderr)
        self.assertEqual(self.left, sorted(self.names))

    def test_a_runner_that_cannot_be_built_is_left_out_with_its_older_build(self):
        finished = self.build("wasmfit-wasmer")
        self.assertEqual(finished.returncode, 0)
        last = finished.stderr.splitlines()[-1]
        self.assertRegex(last, "^warning: the runner wasmer is missing: could not compile "
                               "`wasmfit-wasmer` .*target/build.log")
        self.assertNotIn("wasmfit-wasmer", self.left)
        self.assertIn("wasmfit-wasmtime", self.left)
        self.assertTrue(self.log.read_text().startswith("error: could not compile"))

    def test_several_are_named_in_one_line(self):
        finished = self.build("wasmfit-wasmer", "wasmfit-wasmtime")
        self.assertEqual(finished.returncode, 0)
        self.assertIn("warning: the runners wasmer and wasmtime are missing: ", finished.stderr)

    def test_the_command_and_the_native_runner_are_indispensable(self):
        for broken in ("wasmfit", "wasmfit_native"):
            finished = self.build(broken, "wasmfit-wasmer")
            self.assertEqual(finished.returncode, 1)
            self.assertRegex(finished.stderr.splitlines()[-1],
                             f"^error: {broken} cannot be built: could not compile `{broken}`")

    def test_a_failure_that_concerns_no_program_is_an_error(self):
        finished = self.build(code=101)
        self.assertEqual(finished.returncode, 1)
        self.assertIn("error: the workspace cannot be built: ", finished.stderr)


if __name__ == "__main__":
    unittest.main()
