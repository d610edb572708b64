#!/usr/bin/env python3
"""How often comparisons claimed a change: of equal versions, and of one slowed down on purpose.

    benches/detection/summarize.py [DATA]
"""

import csv
import sys
from collections import Counter, defaultdict
from pathlib import Path


def main():
    data = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "data"
    cells = defaultdict(list)
    with (data / "findings.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            key = (row["slowed"], int(row["permille"]))
            cells[key].append(row)
    print(f"{'slowed':<10} {'by':>5} {'cells':>6} {'slower':>7} {'faster':>7} {'unchanged':>10} "
          f"{'open':>5} {'other':>6} {'pairs':>6} {'ratio':>7}")
    for (slowed, permille), rows in sorted(cells.items(), key=lambda it: (it[0][1], it[0][0])):
        latencies = [row for row in rows if row["measure"] == "latency"]
        found = Counter(row["finding"] for row in latencies)
        # Cold starts and memory are not slowed down: what is claimed of them is a false alarm, but
        # for cold starts, whose first request is.
        other = {(row["session"], row["case"], row["target"]) for row in rows
                 if row["measure"] != "latency" and row["finding"] in ("worse", "better")}
        pairs = sorted(int(row["pairs"]) for row in latencies)
        ratios = sorted(float(row["ratio"]) for row in latencies)
        print(f"{slowed:<10} {permille / 10:>4.0f}% {len(latencies):>6} {found['worse']:>7} "
              f"{found['better']:>7} {found['unchanged']:>10} {found['inconclusive']:>5} "
              f"{len(other):>6} {pairs[len(pairs) // 2]:>6} {ratios[len(ratios) // 2]:>7.3f}")


if __name__ == "__main__":
    main()
