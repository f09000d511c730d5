"""Policy decisions: Understudy beside its peers, the same questions in one run (`benchmarks/run_policy [--json]`).

Every engine runs alone, one after the other, each in a process of its own. Compare within a run, never across runs.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import profiling
import questions

HERE = Path(__file__).parent
NODE = ["node", "--expose-gc"]
# Ours first: the ratios of the others are to it.
ENGINES = {
    "understudy": [sys.executable, "understudy_engine.py"],
    "ministack": [sys.executable, "ministack_engine.py"],
    "moto": [sys.executable, "moto_engine.py"],
    "cedarpy, fastest": [sys.executable, "cedarpy_engine.py", "--fastest"],
    "cedarpy": [sys.executable, "cedarpy_engine.py"],
    "cedar-wasm": [*NODE, "cedar_wasm.mjs"],
    "pycasbin": [sys.executable, "casbin_engine.py"],
    "iam-simulate, unsafe": [*NODE, "iam_simulate.mjs", "--unsafe"],
    "iam-simulate": [*NODE, "iam_simulate.mjs"],
}
ROWS = {
    "seed": "seed policy, 12 requests",
    "layers": "the same, boundary and three SCP levels",
    "statements": "20 policies x 20 statements",
    "principals": "{principals:,} principals",
}


def run(name, given):
    """One engine's figures by row, and its version."""
    finished = subprocess.run([*ENGINES[name], str(given)], cwd=HERE, check=True, stdout=subprocess.PIPE)
    first, *lines = [json.loads(line) for line in finished.stdout.splitlines()]
    return {"version": first["version"], **{figures.pop("row"): figures for figures in lines}}


def short(number):
    """A figure with three digits that mean something."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.1f}" if number >= 10 else f"{number:.2f}"


def titled(name, result):
    """The engine with its version, then the form it is asked in."""
    engine, comma, form = name.partition(", ")
    return f"{engine} {result['version']}{comma}{form}"


def cell(figures, ours):
    """Microseconds, right answers, and how many times ours."""
    if "unserved" in figures:
        return "not served"
    ratio = "" if figures is ours else f", {short(figures['microseconds'] / ours['microseconds'])}x"
    return f"{short(figures['microseconds'])} ({figures['right']:,}/{figures['asked']:,}{ratio})"


def table(results, principals):
    """The run as Markdown: decisions, then what it takes to be ready for them, then what was not served."""
    ours = next(iter(results.values()))
    titles = [title.format(principals=principals) for title in ROWS.values()]
    yield "| CPU microseconds a decision (right answers, times ours) | " + " | ".join(titles) + " |"
    yield "|---" * (len(titles) + 1) + "|"
    for name, result in results.items():
        cells = [cell(result[row], ours[row]) for row in ROWS]
        yield f"| {titled(name, result)} | " + " | ".join(cells) + " |"
    yield ""
    yield f"| to be ready | compile the seed, ms | 20 statements, ms | {principals:,} principals, CPU s | MiB |"
    yield "|---|---|---|---|---|"
    for name, result in results.items():
        compiled = [
            short(result["compile"][part]) if part in result["compile"] else "-"
            for part in ("seed", "twenty")
        ]
        many = result["principals"]
        cells = [*compiled, short(many["build_seconds"]), f"{many['mebibytes']:.0f}"]
        yield f"| {name} | " + " | ".join(cells) + " |"
    yield ""
    for name, result in results.items():
        for row, title in {**ROWS, "compile": "compile"}.items():
            if "unserved" in result[row]:
                yield f"- {name}, {title}: not served, {result[row]['unserved']}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="one line of figures per engine and row")
    parser.add_argument("--only", default="", help="engines whose name contains this, beside understudy")
    parser.add_argument("--principals", type=int, default=10_000, help="how many principals the last row has")
    parser.add_argument(
        "--profile", action="store_true", help="where our own time goes, instead of comparing"
    )
    asked = parser.parse_args()
    given = questions.everything(asked.principals)
    if asked.profile:
        profiling.show(given)
        return
    results = {}
    with tempfile.TemporaryDirectory(prefix="understudy-policy-") as folder:
        path = Path(folder) / "questions.json"
        path.write_text(json.dumps(given))
        for name, command in ENGINES.items():
            if name != "understudy" and asked.only not in name:
                continue
            if shutil.which(command[0]) is None:
                print(f"{name}: left out, there is no {command[0]} here", file=sys.stderr)
                continue
            results[name] = run(name, path)
            print(f"{name}: done", file=sys.stderr)
    if not asked.json:
        print("\n".join(table(results, asked.principals)))
        return
    ours = results["understudy"]
    for name, result in results.items():
        for row in (*ROWS, "compile"):
            figures = {"engine": name, "version": result["version"], "row": row, **result[row]}
            if "microseconds" in figures:
                figures["times_ours"] = figures["microseconds"] / ours[row]["microseconds"]
            print(json.dumps(figures))


if __name__ == "__main__":
    main()
