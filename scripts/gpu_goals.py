"""Holds what gpu.sh recorded in a folder to the goals for a GPU, in one table: cuda.jsonl,
which optbench wrote, and peers.jsonl, which gpu_peers.py did. What a goal is for and was
not measured has a row that says so."""

import json
import os
import sys

# At least so much of the speed at which the driver copies, in the same process; the bytes
# of a parameter are those of the form that ran, or the number given.
SHARES = [
    ("one tensor in memory", 0.92, None, lambda c: c["tensors"] == 1 and c["n"] >= 2**26 and not c.get("clip")),
    ("adam, clipped by the global norm", 0.90, None, lambda c: c["update"] == "adam" and c["tensors"] == 1 and c.get("clip")),
    ("lamb, bert-large, at 28 bytes", 0.80, 28, lambda c: c["update"] == "lamb" and c.get("model") == "bert-large"),
]
# At most so many microseconds a step.
TENSORS, MICROSECONDS = 10_000, 60
# At least so many times as fast as a peer; None where a peer is shown beside.
PEERS = [
    ("torch fused", "adamw", 1.0),
    ("torch foreach", "adamw", None),
    ("timm", "lamb", 2.0),
    ("optax", "adamw", None),
    ("optax", "lamb", 1.3),
]


def read(path):
    """Returns the records of a file, and says which lines are torn."""
    records = []
    try:
        with open(path) as lines:
            for number, line in enumerate(lines, 1):
                try:
                    records.append(json.loads(line))
                except ValueError:
                    print(f"gpu_goals.py: {path}: line {number} is torn, and left out", file=sys.stderr)
    except FileNotFoundError:
        print(f"gpu_goals.py: {path} is not there", file=sys.stderr)
    return records


def number(n):
    return f"2^{n.bit_length() - 1}" if n & (n - 1) == 0 else f"{n:,}"


def name(c):
    parts = [c["update"], c.get("model") or "n=" + number(c["n"])]
    if c["tensors"] > 1 and not c.get("model"):
        parts.append(f"tensors={c['tensors']:,}")
    if c.get("clip"):
        parts.append(f"clip={c['clip']:g}")
    return " ".join(parts)


def speed(n, seconds):
    return f"{seconds / n * 1e9:.4f} ns/param"


def verdict(met):
    return "met" if met else "MISSED"


def share_rows(records, copies):
    for what, goal, bytes_per_param, fits in SHARES:
        goal_text = f">= {goal:.2f}"
        found = False
        for r in records:
            c, copy = r["case"], copies.get((r["run"], r["case"]["backend"]))
            if not fits(c) or not copy:
                continue
            found = True
            size = bytes_per_param * c["n"] if bytes_per_param else r["bytes"]
            ratio = size / r["median_s"] / copy
            yield (name(c) + (f", at {bytes_per_param} bytes" if bytes_per_param else ""), speed(c["n"], r["median_s"]),
                   f"copy, {copy / 1e9:.0f} GB/s", f"{ratio:.3f}", goal_text, verdict(ratio >= goal))
        if not found:
            yield what, "", "copy", "", goal_text, "not measured"


def time_rows(records):
    goal_text, found = f"<= {MICROSECONDS} us", False
    for r in records:
        if r["case"]["tensors"] == TENSORS:
            found = True
            us = r["median_s"] * 1e6
            yield name(r["case"]), f"{us:.1f} us", "", "", goal_text, verdict(us <= MICROSECONDS)
    if not found:
        yield f"{TENSORS:,} tensors", "", "", "", goal_text, "not measured"


def peer_rows(records, peers):
    missing = {p["peer"]: p["missing"] for p in peers if "missing" in p}
    for peer, update, goal in PEERS:
        goal_text = f">= {goal:.2f}" if goal else ""
        theirs = [p for p in peers if p["peer"] == peer and p.get("update") == update]
        for p in theirs:
            case = {"update": update, "n": p["n"], "tensors": p["tensors"]}
            ours = [r for r in records if case.items() <= r["case"].items()
                    and not r["case"].get("clip") and not r["case"].get("model")]
            beside = f"{peer}, {speed(p['n'], p['seconds'])}"
            for r in ours:
                ratio = p["seconds"] / r["median_s"]
                yield (name(case), speed(p["n"], r["median_s"]), beside, f"{ratio:.2f}", goal_text,
                       verdict(ratio >= goal) if goal else "")
            if not ours:
                yield name(case), "", beside, "", goal_text, "not measured"
        if peer in missing or not theirs:
            yield update, "", peer, "", goal_text, "not measured: " + missing.get(peer, "no record of it")


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: gpu_goals.py FOLDER, which gpu.sh wrote")
    lines, peers = (read(os.path.join(sys.argv[1], file)) for file in ("cuda.jsonl", "peers.jsonl"))
    if not lines:
        sys.exit(f"gpu_goals.py: {sys.argv[1]} has no records of optbench, want a folder that gpu.sh wrote")
    gpus = {(r["id"], b): g for r in lines if r["kind"] == "run" for b, g in r.get("gpus", {}).items()}
    copies = {k: g.get("copy_bytes_per_s") for k, g in gpus.items()}
    records = [r for r in lines if r["kind"] == "throughput" and r["case"]["dtype"] == "f32"]

    about = {f"{g['name']}, {g['driver']}" for g in gpus.values()}
    about |= {f"{k} {v}" for p in peers for k, v in p.get("versions", {}).items()}
    print("; ".join(sorted(about)), end="\n\n")
    head = ("case", "optbench", "beside", "ratio", "goal", "verdict")
    rows = [*share_rows(records, copies), *time_rows(records), *peer_rows(records, peers)]
    widths = [max(map(len, column)) for column in zip(head, *rows)]
    for row in (head, ["-" * w for w in widths], *rows):
        print("| " + " | ".join(cell.ljust(w) for cell, w in zip(row, widths)) + " |")
    goals = [verdict for *_, goal, verdict in rows if goal]
    met, missed = goals.count("met"), goals.count("MISSED")
    print(f"\n{len(goals)} goals: {met} met, {missed} missed, {len(goals) - met - missed} not measured")


main()
