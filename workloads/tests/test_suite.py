"""Checks the suite as a whole. That each workload keeps its contract is checked by `wasmfit check`."""

import tomllib
import unittest

from suite import FOLDER, NAMES

SUITE = set("""
    bpe-tokenizer digits-cnn digits-forest digits-knn digits-mlp-numpy digits-mlp-python digits-svm
    gbdt-numpy gbdt-python image-prep json-features kmeans-assign lstm-numpy mel-spectrogram minilm-embed
    moving-anomaly pca-project rules-engine tensor-stream tfidf-logreg tiny-gpt wordpiece
""".split())
LARGEST_COMMITTED_BYTES = 1_000_000
FETCHED = {"minilm-embed/model.safetensors"}  # by scripts/setup


def manifest(name):
    return tomllib.loads((FOLDER / name / "workload.toml").read_text(encoding="utf-8"))


class Suite(unittest.TestCase):
    def test_every_workload_is_there(self):
        self.assertEqual(set(NAMES), SUITE)

    def test_every_asset_is_stated_and_small_enough_for_version_control(self):
        for name in NAMES:
            with self.subTest(workload=name):
                files = {path.name: path for path in (FOLDER / name / "assets").iterdir()}
                self.assertEqual(set(manifest(name)["assets"]), set(files))
                large = {f"{name}/{file}" for file, path in files.items()
                         if path.stat().st_size > LARGEST_COMMITTED_BYTES}
                self.assertLessEqual(large, FETCHED)

    def test_a_workload_without_packages_runs_on_every_guest(self):
        for name in NAMES:
            with self.subTest(workload=name):
                settings = manifest(name)
                self.assertIn("cpython-3.15", settings["guests"])
                self.assertEqual("cpython-3.12" in settings["guests"], not settings["packages"])

    def test_a_tolerance_comes_with_its_causes(self):
        for name in NAMES:
            with self.subTest(workload=name):
                output = manifest(name)["output"]
                if output["format"] != "bytes":
                    self.assertIn("deviations", output)

    def test_every_workload_says_what_it_is(self):
        for name in NAMES:
            with self.subTest(workload=name):
                text = (FOLDER / name / "README.md").read_text(encoding="utf-8")
                self.assertTrue(text.startswith(f"# {name}\n"))


if __name__ == "__main__":
    unittest.main()
