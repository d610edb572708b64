"""Finds faults in weather sensors from moving statistics, in plain Python.

Three stations measure the same two quantities hour by hour. Each sensor is compared
with the median of the three, and that difference with its own recent past: by median
and median absolute deviation (one wild reading), and by cumulative sums (an offset
that stays).
"""

import json
import struct
from bisect import bisect_left, insort

SENSORS = 6
DEVIATIONS_PER_MAD = 1.4826  # standard deviations per median absolute deviation of a normal distribution


def load(assets):
    """Returns the window (hours), slack and clip (deviations), and each sensor's peers and thresholds."""
    with open(f"{assets}/model.json", encoding="utf-8") as file:
        return json.load(file)


def decode(request):
    """Returns one list of readings in degrees Fahrenheit per sensor."""
    readings = struct.unpack(f"<{len(request) // 2}h", request)
    return [[reading / 100 for reading in readings[sensor::SENSORS]] for sensor in range(SENSORS)]


def infer(model, series):
    """Returns one list of scores per sensor, for all readings but the first window; above 1 is a fault."""
    scores = []
    for sensor, readings in zip(model["sensors"], series):
        peers = [series[peer] for peer in sensor["peers"]]
        surprises = _surprises(model, sensor, _differences(readings, peers))
        offsets = _offsets(model, surprises)
        scores.append(
            [
                max(abs(surprise) / sensor["spike"], offset / sensor["offset"])
                for surprise, offset in zip(surprises, offsets)
            ]
        )
    return scores


def encode(scores):
    """Returns the scores as little-endian float64, hour after hour."""
    values = [score for hour in zip(*scores) for score in hour]
    return struct.pack(f"<{len(values)}d", *values)


def make_request(index):
    """Returns a week of hourly readings, after one window of earlier ones: int16, hundredths of a degree."""
    # Imported here because only planning calls this: a guest's start must not pay for it.
    from pathlib import Path

    assets = Path(__file__).parent / "assets"
    window = load(assets)["window"]
    week = 7 * 24
    hour = 2 * SENSORS  # bytes
    readings = (assets / "readings.i16").read_bytes()
    return readings[index * week * hour : ((index + 1) * week + window) * hour]


def _differences(readings, peers):
    """Takes the weather off: what a sensor reads beyond the median of all that measure the same."""
    return [reading - _median(sorted(together)) for reading, together in zip(readings, zip(*peers))]


def _surprises(model, sensor, differences):
    """Returns how many deviations each difference is off the median of the window before it."""
    window = model["window"]
    recent = sorted(differences[:window])
    surprises = []
    for leaving, difference in zip(differences, differences[window:]):
        median = _median(recent)
        deviation = DEVIATIONS_PER_MAD * _median(sorted([abs(other - median) for other in recent]))
        surprises.append((difference - median) / max(deviation, sensor["least_deviation"]))
        del recent[bisect_left(recent, leaving)]
        insort(recent, difference)
    return surprises


def _offsets(model, surprises):
    """Returns, after each surprise, the larger of the cumulative sums upwards and downwards."""
    slack, clip = model["slack"], model["clip"]
    above = below = 0.0
    offsets = []
    for surprise in surprises:
        # Clipped, so that a single wild reading does not pass for an offset.
        clipped = max(-clip, min(clip, surprise))
        above = max(0.0, above + clipped - slack)
        below = max(0.0, below - clipped - slack)
        offsets.append(max(above, below))
    return offsets


def _median(ordered):
    """Returns the middle of an odd number of sorted values."""
    return ordered[len(ordered) // 2]
