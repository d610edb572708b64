#!/usr/bin/env python3
"""What a comparison says of equal versions, and of one that was slowed down on purpose.

Runs `wasmfit bench` with two versions in turn, within its default budget, and notes what it found:
findings.csv has a row per cell and measure, launches.csv.gz every launch behind them. Both are
appended to, so that an interrupted experiment loses one session.

    benches/detection/record.py --out /tmp/detection        # an hour and more
    benches/detection/summarize.py benches/detection/data
"""

import argparse
import csv
import gzip
import json
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGETS = ["native@cpython-3.15", "wasmtime/cranelift@cpython-3.15", "wasmer/cranelift@cpython-3.15"]
# Of these the workload itself takes nearly all of a request, so that a share of the one is a share of
# the other.
SLOWED = ["wordpiece", "digits-mlp-numpy", "json-features", "rules-engine"]
EQUAL = [*SLOWED, "tensor-stream", "digits-cnn"]

# Appended to a workload: every request takes longer by a share of what the workload itself takes.
# The clocks are read in both versions, so that the share is all they differ in.
SLOWER = '''

from time import perf_counter_ns as _now
_decode, _encode = decode, encode


def decode(request):
    global _began
    _began = _now()
    return _decode(request)


def encode(y):
    response = _encode(y)
    ended = _now()
    until = ended + (ended - _began) * {permille} // 1000
    while _now() < until:
        pass
    return response
'''

FINDINGS = ["session", "slowed", "permille", "case", "target", "measure", "finding", "ratio", "low",
            "high", "p_value", "pairs"]
LAUNCHES = ["session", "side", "case", "target", "round", "start", "median_ns", "cold_start_ns",
            "peak_resident_bytes"]


def main():
    options = parse()
    options.out.mkdir(parents=True, exist_ok=True)
    options.data.mkdir(parents=True, exist_ok=True)
    if options.again:
        return note_all(options)
    for slowed, permille in options.sessions:
        number = 1
        while (options.out / f"{slowed}-{permille}-{number}").exists():
            number += 1
        session = f"{slowed}-{permille}-{number}"
        run = options.out / session
        print(f"{session}: measuring", flush=True)
        arguments = arguments_of(slowed, permille, run)
        ended = subprocess.run([options.wasmfit, "bench", *arguments, "--out", run],
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if ended.returncode not in (0, 6):
            sys.exit(f"{session}: wasmfit ended with {ended.returncode}: {ended.stderr[-500:]}")
        note(session, slowed, permille, run, options)


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for the run directories")
    parser.add_argument("--data", type=Path, default=Path(__file__).parent / "data")
    parser.add_argument("--wasmfit", type=Path, default=ROOT / "target/release/wasmfit")
    parser.add_argument("--again", action="store_true",
                        help="only note anew what the run directories in --out show")
    parser.add_argument("sessions", nargs="*", type=session, metavar="WHERE=PERMILLE",
                        help="nothing=0, workload=50, runtime=50, boundary=100 and the like "
                             "[default: each at 5%% and 10%%, and three of nothing]")
    options = parser.parse_args()
    slowed = [(where, permille) for permille in (50, 100)
              for where in ("workload", "runtime", "boundary")]
    options.sessions = options.sessions or [*slowed[:3], *[("nothing", 0)] * 3, *slowed[3:]]
    return options


def session(text):
    where, permille = text.split("=")
    if where not in ("nothing", "workload", "runtime", "boundary"):
        raise argparse.ArgumentTypeError(f"{where} cannot be slowed down")
    return where, int(permille)


def arguments_of(slowed, permille, run):
    targets = [word for target in TARGETS for word in ("--target", target)]
    workloads = EQUAL if slowed == "nothing" else SLOWED
    named = [word for workload in workloads for word in ("--workload", workload)]
    if slowed == "nothing":
        return [*named, *targets, "--against-itself"]
    if slowed != "workload":
        return [*named, *targets, "--against-itself", "--inject", f"{slowed}={permille / 10}%"]
    new, base = (copies(run.with_name(f"{run.name}-{side}"), share)
                 for side, share in (("new", permille), ("base", 0)))
    named = [word for workload in workloads for word in ("--workload", str(new / workload))]
    return [*named, *targets, "--base-workloads", str(base)]


def copies(folder, permille):
    for workload in SLOWED:
        shutil.copytree(ROOT / "workloads" / workload, folder / workload)
        with (folder / workload / "workload.py").open("a") as code:
            code.write(SLOWER.format(permille=permille))
    return folder


def note_all(options):
    for name in ("findings.csv", "launches.csv.gz"):
        (options.data / name).unlink(missing_ok=True)
    for run in sorted(options.out.glob("*-*-*")):
        if (run / "comparison.json").is_file():
            slowed, permille, _ = run.name.split("-")
            note(run.name, slowed, int(permille), run, options)


def note(session, slowed, permille, run, options):
    told = subprocess.run([options.wasmfit, "compare", run / "base", run, "--format", "json",
                           "--fail-on", "never"], check=True, capture_output=True)
    comparison = json.loads(told.stdout)
    rows = []
    for cell in comparison["cells"]:
        place = [name(cell["case"]), cell["target"]]
        if cell["state"]["state"] != "compared":
            rows.append([session, slowed, permille, *place, "state", cell["state"]["state"]])
            continue
        for change in cell["state"]["measures"]:
            measure = " ".join(filter(None, (change["measure"], change.get("start"))))
            interval = change["ratio"]["interval"] or {"low": "", "high": ""}
            rows.append([session, slowed, permille, *place, measure, change["finding"]["finding"],
                         change["ratio"]["value"], interval["low"], interval["high"],
                         change["p_value"], change["launches"][1]])
    append(options.data / "findings.csv", open, FINDINGS, rows)
    rows = [[session, side, *row] for side, folder in (("base", run / "base"), ("new", run))
            for row in launches(folder, options.wasmfit)]
    append(options.data / "launches.csv.gz", gzip.open, LAUNCHES, rows)


def launches(folder, wasmfit):
    told = subprocess.run([wasmfit, "report", "--json", folder], check=True, capture_output=True)
    for workload in json.loads(told.stdout)["workloads"]:
        for case in workload["cases"]:
            for cell in case["cells"]:
                for it in cell["state"].get("launches", ()):
                    median = it["median_ns"]
                    yield [name(case["case"]), cell["target"], it["round"], it["start"],
                           "" if median is None else round(median), it["cold_start_ns"],
                           it["peak_resident_bytes"]]


def name(case):
    return case["workload"] if case["batch"] is None else f"{case['workload']}/batch-{case['batch']}"


def append(path, opened, columns, rows):
    is_new = not path.exists()
    with opened(path, "at", newline="") as file:
        writer = csv.writer(file)
        if is_new:
            writer.writerow(columns)
        writer.writerows(rows)


if __name__ == "__main__":
    main()
