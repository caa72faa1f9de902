#!/usr/bin/env python3
"""Made-up boards of kinds that no source of HELP's data resembles, as CSV for `shoal predict --target`.

    strange-boards.py LATENCY.csv development|check SEED TARGET.csv [SOURCES.csv]

Only the architecture strings of LATENCY.csv (NAS-Bench-201 or FBNet) are used for the target: 1,200 drawn by the seed.
The sources are six of its real boards on the first 900 of these. `development` are the kinds that the method was chosen
on, `check` others, with another seed, that were looked at once, at the end. Prices are drawn anew for every seed.
"""

import csv
import math
import random
import sys

SOURCES = ["1080ti_1", "1080ti_32", "titan_rtx_1", "silver_4114", "gold_6226", "samsung_a50"]
EDGES = [(0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)]
CHANNELS = [16] + [c for c in (24, 32, 64, 112, 184) for _ in range(4)] + [352]


class Layer:
    """One operator that runs: its kind, work (relative) and working set (relative)."""

    def __init__(self, kind, work, memory):
        self.kind, self.work, self.memory = kind, work, memory


def layers(name):
    """What runs of an architecture: operators in order, and the longest chain of them."""
    numbers = [int(c) for c in name]
    if len(numbers) == 6:
        work = [0, 0, 1, 9, 0.4]
        result = [Layer(o, work[o] / 9, 0.3 + 0.7 * (o == 3)) for o in numbers if o]
        longest = {0: 0}
        for (a, b), o in zip(EDGES, numbers):
            if o and a in longest:
                longest[b] = max(longest.get(b, 0), longest[a] + work[o] / 9)
        return result, longest.get(3, 0)
    result, side, channels = [], 112, 16
    expansion, kernel = [1, 1, 3, 6, 1, 1, 3, 6, 0], [3, 3, 3, 3, 5, 5, 5, 5, 0]
    for place, (o, out) in enumerate(zip(numbers, CHANNELS)):
        if place in (1, 5, 9, 17):
            side //= 2
        if o != 8:
            middle = channels * expansion[o]
            work = side * side * middle * (channels + kernel[o] ** 2 + out) / 5e7
            result.append(Layer(o, work, middle * side * side / 1e6))
        channels = out
    return result, len(result) / 22


def noisy(value, share):
    return value * math.exp(random.gauss(0, share))


def prices():
    """Of every operator, over a wide range: what is cheap on one board is dear on the next."""
    return [math.exp(random.gauss(0, 0.8)) for _ in range(9)]


def launches(p):
    start = random.uniform(0.1, 0.3)
    return lambda run, chain: noisy(0.5 + sum(max(start, 0.2 * x.work) for x in run), 0.02)


def fallback(p):
    lost, extra = random.choice([1, 4]), random.uniform(1, 4)

    def time(run, chain):
        back = sum(x.kind == lost for x in run)
        return noisy(0.4 + sum(0.1 * p[x.kind] * x.work for x in run) + extra * (0.5 * (back > 0) + back), 0.02)

    return time


def whole(p):
    unit = random.uniform(2, 6)
    return lambda run, chain: round(noisy(2 + sum(unit * p[x.kind] * x.work for x in run), 0.03))


def macs(p):
    return lambda run, chain: noisy(20 + sum(300 * x.work for x in run), 0.01)


def below_one(p):
    return lambda run, chain: noisy(0.02 + sum(0.003 * p[x.kind] * (0.2 + x.work) for x in run), 0.02)


def coarse(p):
    time = whole(p)
    return lambda run, chain: 5 * math.ceil(time(run, chain) / 5)


def restless(p):
    return lambda run, chain: noisy(3 + sum(p[x.kind] * (0.3 + x.work) for x in run), 0.2)


def saturating(p):
    return lambda run, chain: noisy(1 + max(3 * chain, sum(0.8 * p[x.kind] * x.work for x in run)), 0.03)


def spilling(p):
    limit, slow = random.uniform(0.35, 0.9), random.uniform(3, 8)
    return lambda run, chain: noisy(
        0.2 + sum(0.3 * x.work * (slow if x.memory > limit else 1) + 0.02 for x in run), 0.015)


def counting(p):
    return lambda run, chain: noisy(0.3 + sum(0.5 * p[x.kind] for x in run), 0.03)


def floored(p):
    unit = random.uniform(1, 3)
    return lambda run, chain: math.floor(noisy(1 + sum(unit * p[x.kind] * (0.2 + x.work) for x in run), 0.02))


def ticks(p):
    return lambda run, chain: round(noisy(0.03 + sum(0.004 * p[x.kind] * (0.3 + x.work) for x in run), 0.02), 2)


def throttled(p):
    return lambda run, chain: noisy(
        (2 + sum(p[x.kind] * x.work for x in run)) * (1.3 if random.random() < 0.3 else 1), 0.05)


def stalled(p):
    return lambda run, chain: noisy(
        (2 + sum(p[x.kind] * x.work for x in run)) * (random.uniform(2, 6) if random.random() < 0.04 else 1), 0.1)


def pieces(p):
    """Switching between two processors costs more than what they compute."""
    on_cpu = {o for o in range(9) if random.random() < 0.4}

    def time(run, chain):
        sides = [x.kind in on_cpu for x in run]
        return noisy(
            1 + sum(0.5 * x.work for x in run) + 2 * sum(a != b for a, b in zip(sides, sides[1:])), 0.02)

    return time


KINDS = {
    "development": [launches, fallback, whole, macs, below_one, coarse, restless],
    "check": [saturating, spilling, counting, floored, ticks, throttled, stalled, pieces],
}


def main():
    source, kinds, seed, target, *known = sys.argv[1:]
    random.seed(int(seed))
    with open(source) as file:
        header, *rows = csv.reader(file)
    random.shuffle(rows)
    rows = rows[:1200]
    columns = {}
    for kind in KINDS[kinds]:
        for number in (1, 2):
            time = kind(prices())
            columns[f"{kind.__name__}{number}"] = [max(time(*layers(row[0])), 0) for row in rows]
    with open(target, "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["architecture", *columns])
        for place, row in enumerate(rows):
            table.writerow([row[0], *(f"{values[place]:.6g}" for values in columns.values())])
    if known:
        places = [header.index(board) for board in SOURCES]
        with open(known[0], "w", newline="") as file:
            table = csv.writer(file)
            table.writerow(["architecture", *SOURCES])
            table.writerows([row[0], *(row[place] for place in places)] for row in rows[:900])


main()
