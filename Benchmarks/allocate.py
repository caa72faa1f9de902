#!/usr/bin/env python3
"""How long `shoal allocate` takes to share a board, and whether it finds the best.

Draws random boards (models, points, memory, energy, interference, percentiles) and policies, runs `shoal allocate`
on each and prints percentiles of `solveMilliseconds` (one thread, without reading the files). With --verify every
choice is compared with trying all combinations by the rules of the README, written here a second time.

Families, of which --family names one or more: `random` draws priorities of 1 to 100, `equal` gives all models the
usual one. In the others accuracy is linear in latency, which leaves nothing for one choice to beat another by:
`linear` exactly, `rounded` to four digits, `few` with priorities of 1, 5 and 10, `identical` and `identical-rounded`
with one table for all models. Half of those boards limit memory, half power.

    Benchmarks/allocate.py --models 8 --points 40 --count 300
    Benchmarks/allocate.py --models 8 --points 40 --count 60 --family all
    Benchmarks/allocate.py --models 3 --points 8 --count 200 --verify
"""
import argparse, itertools, json, random, subprocess, sys, tempfile, os

FAMILIES = ["random", "equal", "linear", "rounded", "few", "identical", "identical-rounded"]
PERCENTILES = {"p90Milliseconds": 90, "p95Milliseconds": 95, "p99Milliseconds": 99}


def draw_linear(rng, models, points, family):
    """Equal priorities (but for `few`) and accuracy linear in latency."""
    names = [f"m{i}" for i in range(models)]
    board, rules = {"cores": 1, "reserve": {"cpu": 0}, "models": []}, []

    def table():
        rows = []
        for latency in sorted(rng.uniform(1, 25) for _ in range(points)):
            accuracy = 0.5 + latency / 60
            rows.append({"accuracy": round(accuracy, 4) if "rounded" in family else accuracy,
                         "latencyMilliseconds": latency, "memoryBytes": rng.randrange(1 << 20, 64 << 20),
                         "energyMillijoules": latency * rng.uniform(0.8, 3)})
        return rows

    same = table()
    for name in names:
        board["models"].append(
            {"model": name, "framesPerSecond": 10, "points": same if family.startswith("identical") else table()})
        rule = {"model": name, "latency": {"milliseconds": 1000}}
        if family == "few": rule["priority"] = rng.choice([1, 5, 10])
        rules.append(rule)
    mean = lambda field: sum(sum(r[field] for r in m["points"]) / points for m in board["models"])
    board["cores"] = round(mean("latencyMilliseconds") * 10 / 1e3 * rng.uniform(0.6, 1.1), 4)
    if rng.random() < 0.5: board["memoryBytes"] = int(mean("memoryBytes") * rng.uniform(0.6, 1.1))
    if rng.random() < 0.5: board["watts"] = round(mean("energyMillijoules") * 10 / 1e3 * rng.uniform(0.6, 1.1), 4)
    return board, {"apiVersion": "shoal/v2", "kind": "Policy", "metadata": {"name": "p"}, "spec": {"models": rules}}


def draw(rng, models, points, family):
    if family not in ("random", "equal"): return draw_linear(rng, models, points, family)
    board = {"cores": rng.choice([1, 2, 4]), "reserve": {"cpu": 0}, "models": [], "interference": {}}
    names = [f"m{i}" for i in range(models)]
    policy = {"apiVersion": "shoal/v2", "kind": "Policy", "metadata": {"name": "p"}, "spec": {"models": []}}
    least = [0.0, 0, 0.0]
    most = [0.0, 0, 0.0]
    for name in names:
        latency, accuracy, rows = rng.uniform(0.5, 4), rng.uniform(0.3, 0.6), []
        rate = rng.choice([5, 10, 15, 30])
        for _ in range(points):
            latency += rng.uniform(0.02, 60 / points)
            accuracy = min(1, accuracy + rng.uniform(0, 0.6 / points))
            threads = rng.choice([1, 1, 1, 2, 4])
            wall = latency / threads ** 0.9
            row = {"accuracy": round(accuracy, 5), "latencyMilliseconds": round(wall, 4), "threads": threads,
                   "memoryBytes": rng.randrange(1 << 20, 64 << 20),
                   "energyMillijoules": round(latency * rng.uniform(0.8, 3), 3)}
            if rng.random() < 0.5:
                row["p95Milliseconds"] = round(row["latencyMilliseconds"] * rng.uniform(1, 1.4), 4)
            rows.append(row)
        board["models"].append({"model": name, "framesPerSecond": rate, "points": rows})
        rule = {"model": name, "latency": {"milliseconds": rng.uniform(20, 90), "percentile": rng.choice([90, 95, 99])},
                "priority": rng.randint(1, 100) if family == "random" else 10}
        if rng.random() < 0.3: rule["accuracyFloor"] = round(rng.uniform(0.3, 0.7), 3)
        if rng.random() < 0.2: rule["cpuShare"] = round(rng.uniform(0.2, 1), 3)
        policy["spec"]["models"].append(rule)
        board["interference"][name] = {n: round(rng.uniform(1, 1.15), 3) for n in names if n != name and rng.random() < 0.5}
        for index, costs in enumerate([[r["latencyMilliseconds"] * r["threads"] * rate / 1e3 for r in rows],
                                       [r["memoryBytes"] for r in rows], [r["energyMillijoules"] * rate / 1e3 for r in rows]]):
            least[index] += min(costs)
            most[index] += max(costs)
    board["cores"] = round(least[0] + (most[0] - least[0]) * rng.uniform(0.1, 0.7), 4)
    if rng.random() < 0.8: board["memoryBytes"] = int(least[1] + (most[1] - least[1]) * rng.uniform(0.1, 0.7))
    if rng.random() < 0.8: board["watts"] = round(least[2] + (most[2] - least[2]) * rng.uniform(0.1, 0.7), 4)
    return board, policy


def best(board, policy):
    """The best objective by trying everything; None when some constraint cannot be met."""
    rules = {r["model"]: r for r in policy["spec"]["models"]}
    names, classes = list(rules), []
    for model in board["models"]:
        rule, rate, items = rules[model["model"]], model["framesPerSecond"], []
        slow = 1.0
        for other in sorted(names):
            if other != model["model"]: slow *= board.get("interference", {}).get(model["model"], {}).get(other, 1)
        for row in model["points"]:
            tails = sorted((p, row[f]) for f, p in PERCENTILES.items() if f in row)
            covering = [t for p, t in tails if p >= rule["latency"].get("percentile", 99)] or [t for _, t in tails[-1:]]
            latency = max([row["latencyMilliseconds"]] + covering[:1]) * slow
            cores = row["latencyMilliseconds"] * row.get("threads", 1) * slow * rate / 1e3
            if latency > rule["latency"]["milliseconds"] or row["latencyMilliseconds"] * slow * rate > 1e3: continue
            if row["accuracy"] < rule.get("accuracyFloor", 0) or cores > rule.get("cpuShare", 9e9) * board["cores"]: continue
            items.append((cores, row["memoryBytes"], row["energyMillijoules"] * rate / 1e3, rule.get("priority", 10) * row["accuracy"]))
        classes.append(items)
    limits = (board["cores"], board.get("memoryBytes", 9e99), board.get("watts", 9e99))
    found = None
    for choice in itertools.product(*classes):
        if all(sum(c[i] for c in choice) <= limits[i] + 1e-9 for i in range(3)):
            value = sum(c[3] for c in choice)
            found = value if found is None else max(found, value)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shoal", default=".build/release/shoal")
    parser.add_argument("--models", type=int, default=8)
    parser.add_argument("--points", type=int, default=40)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=1, help="solves per board, of which the fastest counts")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--family", default="random", help=f"all, or one or more of {', '.join(FAMILIES)} with commas")
    parser.add_argument("--verify", action="store_true")
    options = parser.parse_args()
    families = FAMILIES if options.family == "all" else options.family.split(",")
    unknown = [f for f in families if f not in FAMILIES]
    if unknown: parser.error(f"--family {unknown[0]}: give all or some of {', '.join(FAMILIES)}")
    sys.exit(any([measure(options, family) for family in families]))


def measure(options, family):
    """Prints what one family takes; returns how many choices differ from exhaustive search."""
    rng = random.Random(options.seed)
    times, infeasible, unproven, wrong, gap = [], 0, 0, 0, 0.0
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, n) for n in ("board.json", "policy.json")]
        for index in range(options.count):
            texts = draw(rng, options.models, options.points, family)
            for path, text in zip(paths, texts):
                with open(path, "w") as file: json.dump(text, file)
            command = [options.shoal, "allocate", "--board", paths[0], "--policy", paths[1], "--format", "json"]
            command += ["--repeats", str(options.repeats)]
            result = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
            times.append(result["solveMilliseconds"])
            infeasible += bool(result["infeasible"])
            unproven += not result["isProvenOptimal"]
            gap = max(gap, result["gap"])
            if options.verify:
                expected = best(*texts)
                weights = sum(r.get("priority", 10) for r in texts[1]["spec"]["models"])
                same = bool(result["infeasible"]) if expected is None else \
                    not result["infeasible"] and abs(result["objective"] - expected) < 1e-6 * weights + 1e-9
                if not same:
                    wrong += 1
                    print(f"instance {index}: expected {expected}, found {result['objective']} {result['infeasible']}")
    times.sort()
    pick = lambda share: times[min(len(times) - 1, int(share * len(times)))]
    print(f"{family}, seed {options.seed}: {options.count} boards of {options.models} models x {options.points} points, "
          f"{infeasible} infeasible, {unproven} unproven (largest gap {100 * gap:.4f} %)")
    print(f"solveMilliseconds p50 {pick(0.5):.3f} p99 {pick(0.99):.3f} max {times[-1]:.3f}", flush=True)
    if options.verify: print(f"{wrong} differ from exhaustive search")
    return wrong


main()
