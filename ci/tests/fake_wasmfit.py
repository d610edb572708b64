#!/usr/bin/env python3
"""Stands in for wasmfit: takes its options, measures nothing, and writes what would be read on.

FAKE_EXIT     exit code of a measurement
FAKE_LOST     a shard, such as 2/2, that is killed half-way when it is measured from its beginning
FAKE_LOG      where the command lines go
"""

import argparse
import json
import os
import signal
import sys
from pathlib import Path

COMPARING = ("baseline", "base_workloads", "base_python")


def main():
    with open(os.environ["FAKE_LOG"], "a") as log:
        print(json.dumps(sys.argv[1:]), file=log)
    options = parser().parse_args()
    sys.exit(globals()[options.command](options))


def parser():
    top = argparse.ArgumentParser(allow_abbrev=False)
    commands = top.add_subparsers(dest="command", required=True)
    add = lambda name: commands.add_parser(name, allow_abbrev=False)  # noqa: E731
    it = add("bench")
    for name in ("workload", "target", "base-runner", "base-guest"):
        it.add_argument(f"--{name}", action="append", default=[])
    for name in ("profile", "python", "baseline", "base-workloads", "base-python", "until-decided",
                 "min-effect", "fail-on", "out", "shard", "resume"):
        it.add_argument(f"--{name}")
    it = add("compare")
    it.add_argument("base")
    it.add_argument("new")
    it.add_argument("--format", choices=["text", "markdown", "json", "junit", "github"])
    it = add("merge")
    it.add_argument("runs", nargs="+")
    it.add_argument("--out", required=True)
    it = add("report")
    it.add_argument("run")
    it.add_argument("--json", action="store_true")
    it = add("publish")
    it.add_argument("runs", nargs="+")
    it.add_argument("--out", required=True)
    return top


def bench(options):
    if options.resume:
        run = Path(options.resume)
        begun = json.loads((run / "run.json").read_text())
        return finish(run, begun["comparing"])
    if options.base_workloads and not Path(options.base_workloads).is_dir():
        sys.exit(2)
    for workload in options.workload:
        if "/" in workload and not Path(workload, "workload.toml").is_file():
            sys.exit(2)
    if os.environ.get("FAKE_EXIT") == "3":
        return 3
    comparing = any(getattr(options, name) for name in COMPARING)
    if not comparing and (options.fail_on or options.min_effect or options.until_decided):
        return 2
    run = Path(options.out)
    if (run / "run.json").exists():
        return 2
    write(run / "run.json", json.dumps({"comparing": comparing, "shard": options.shard}))
    if options.shard and options.shard == os.environ.get("FAKE_LOST"):
        os.kill(os.getpid(), signal.SIGKILL)
    return finish(run, comparing)


def finish(run, comparing):
    write(run / "report.md", "# A report\n")
    if comparing:
        write(run / "base" / "run.json", "{}")
        write(run / "comparison.json", "{}")
        write(run / "comparison.md", "# A comparison\n")
    return int(os.environ.get("FAKE_EXIT", 0))


def compare(options):
    if not (Path(options.base, "run.json").exists() and Path(options.new, "run.json").exists()):
        return 4
    print("<testsuites/>")
    return int(os.environ.get("FAKE_EXIT", 0))


def merge(options):
    shards = {json.loads(Path(run, "run.json").read_text())["shard"]: Path(run)
              for run in options.runs}
    number = int(next(iter(shards)).split("/")[1])
    if len(shards) < number or not all((run / "report.md").exists() for run in shards.values()):
        print("a shard is missing: wasmfit bench --shard ...", file=sys.stderr)
        return 4
    write(Path(options.out) / "report.md", f"# Merged of {number}\n")
    return 0


def report(options):
    if not Path(options.run, "run.json").exists():
        return 4
    print("{}")
    return 0


def publish(options):
    write(Path(options.out) / "index.html", "")
    return 0


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


main()
