"""API requests over a socket: Understudy with signatures, IAM and SQLite on, beside peers that do none of it.

Usage: benchmarks/run [--quick] [--only ROW] [--servers NAMES] [--output FILE]
                      [--beside CHECKOUT | --network | --fabric | --ingress |
                      --services]

Each server is started alone, given the same resources through boto3, and asked the same signed requests by the
same load generator, one server after the other, in one run. With `--beside`, another checkout of Understudy takes the
peers' place and both are asked in turn (`beside.py`). Compare within a run, never across runs.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
import beside
import fabric
import ingress
import network
import services
from load import Figures, measure
from rows import ROWS
from servers import HERE, SERVERS, Running, compile_sources
from starts import Starts, first_allowed, first_answers

Figure = dict[int, Figures]


def run(server: Running, only: str, quick: bool) -> dict[str, Any]:
    """All rows against one server."""
    figures: dict[str, Any] = {"rows": {}}
    for row in ROWS:
        row.prepare(server)
        if only not in row.name:
            continue
        total = row.total // 10 if quick else row.total
        for concurrency in (1, 16):
            asked = row.requests(server, total)
            if not asked:
                continue
            sent = len(asked) if row.once else total // (4 if concurrency == 1 else 1)
            if not row.once:
                ask(server, asked, concurrency, max(16, sent // 20), 1)
            figures["rows"].setdefault(row.name, {})[concurrency] = ask(server, asked, concurrency, sent, 6)
    figures["after"] = server.resident()
    return figures


def ask(server: Running, asked: list[bytes], concurrency: int, total: int, seconds: float) -> Figures:
    return measure("127.0.0.1", server.port, asked, concurrency=concurrency, total=total, seconds=seconds)


def table(results: dict[str, dict[str, Any]]) -> str:
    """The run as Markdown, ratios to the peers in the last columns."""
    names = list(results)
    lines = [
        "| operation | at once | " + " | ".join(f"{name} req/s (p50/p99 ms)" for name in names)
        + " | " + " | ".join(f"x {name}" for name in names[1:]) + " |",
        "|---|---|" + "---|" * (2 * len(names) - 1),
    ]  # fmt: skip
    for row in ROWS:
        for concurrency in (1, 16):
            cells, ratios, own = [], [], None
            for name in names:
                figure = results[name]["rows"].get(row.name, {}).get(concurrency)
                if figure is None:
                    cells.append("not served")
                    ratios.append("-")
                    continue
                failed = f", {figure.errors} FAILED" if figure.errors else ""
                cells.append(f"{figure.rate:,.0f} ({figure.p50 * 1000:.2f}/{figure.p99 * 1000:.2f}{failed})")
                own = figure.rate if own is None else own
                ratios.append(f"{own / figure.rate:.1f}")
            if any(cell != "not served" for cell in cells):
                lines.append(f"| {row.name} | {concurrency} | " + " | ".join(cells + ratios[1:]) + " |")
    lines += [
        line("start to first answer", [results[name]["new"].typical for name in names], "s"),
        line("the same, CPU", [median(results[name]["new"].cpu) for name in names], "s"),
        line("start to first allowed answer", [results[name]["again"].typical for name in names], "s"),
        line("the same, CPU", [median(results[name]["again"].cpu) for name in names], "s"),
        line("idle memory", [min(results[name]["new"].idle) for name in names], "MiB"),
        line("after the run", [results[name]["after"] for name in names], "MiB"),
    ]
    return "\n".join(lines)


def line(label: str, values: list[float], unit: str) -> str:
    cells = [f"{value:.2f} {unit}" for value in values]
    ratios = [f"{values[0] / value:.2f}" for value in values[1:]]
    return f"| {label} | | " + " | ".join(cells + ratios) + " |"


def beside_peers(names: list[str], only: str, quick: bool) -> str:
    compile_sources(HERE)
    servers = {name: SERVERS[name] for name in names}
    times = 3 if quick else 9
    new: dict[str, Starts] = first_answers(servers, times)
    again: dict[str, Starts] = first_allowed(servers, times)
    results = {}
    for name in names:
        with servers[name]() as server:
            results[name] = {**run(server, only, quick), "new": new[name], "again": again[name]}
            print(f"{name}: done", file=sys.stderr)
    return table(results)


def with_many_interfaces(names: list[str], counts: tuple[int, ...], seconds: float, quick: bool) -> str:
    results = {}
    for name in names:
        with SERVERS[name]() as server:
            results[name] = network.run(server, counts, seconds, quick)
            print(f"{name}: done", file=sys.stderr)
    return network.table(results)


def _counts(text: str) -> tuple[int, ...]:
    return tuple(int(count) for count in text.split(",") if count)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the requests")
    parser.add_argument("--only", default="", help="rows whose name contains this")
    parser.add_argument("--servers", default="understudy,ministack,moto")
    parser.add_argument(
        "--beside", type=Path, help="another checkout of Understudy, asked in turn with this one"
    )
    parser.add_argument("--rounds", type=int, default=9, help="how often either checkout is asked (--beside)")
    parser.add_argument("--network", action="store_true", help="few and many interfaces, and a whole VPC")
    parser.add_argument("--fabric", action="store_true", help="real packets: interfaces, filters, throughput")
    parser.add_argument(
        "--ingress", action="store_true", help="the way to services, beside HAProxy, nginx and Caddy"
    )
    parser.add_argument(
        "--services",
        action="store_true",
        help="services that run, beside podman: answers, deployments, memory",
    )
    parser.add_argument("--counts", default="", help="interfaces (--network, --fabric)")
    parser.add_argument(
        "--fill-seconds", type=float, default=300, help="to make so many interfaces, at most (--network)"
    )
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    if given.beside:
        text = beside.compare(given.beside.resolve(), given.only, 3 if given.quick else given.rounds)
    elif given.network:
        counts = _counts(given.counts) or network.COUNTS
        text = with_many_interfaces(given.servers.split(","), counts, given.fill_seconds, given.quick)
    elif given.fabric:
        text = fabric.run(_counts(given.counts) or fabric.COUNTS, given.quick)
    elif given.ingress:
        text = ingress.run(2.0, 2) if given.quick else ingress.run(5.0, 5)
    elif given.services:
        text = services.run(quick=given.quick)
    else:
        text = beside_peers(given.servers.split(","), given.only, given.quick)
    print(text)
    if given.output:
        given.output.write_text(text + "\n")


if __name__ == "__main__":
    main()
