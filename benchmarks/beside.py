"""Two checkouts of Understudy in one run, asked in turn, so that a slower machine is slower for both.

What counts is CPU time a request, of all threads of the server: it hardly depends on what else the machine does.
Waiting (requests a second) is shown beside it. A ratio is the middle one of all rounds; its noise is twice the
standard error of that middle. A row is slower if its ratio is over 1 by more than 3 % and the noise.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median, stdev

from load import measure
from rows import ROWS, Row, make_interfaces, make_roles
from servers import HERE, Running, compile_sources, understudy
from starts import Starts, first_allowed, first_answers

ALLOWED = 0.03
ROLES, INTERFACES = 900, 3000
_SHARE_OF_A_ROUND = 4


def compare(other: Path, only: str, rounds: int) -> str:
    """The comparison as Markdown: this checkout's figures over the other's."""
    for checkout in (HERE, other):
        compile_sources(checkout)
    lines = [
        f"| row | at once | this, CPU us | {other.name}, CPU us | CPU ratio | noise | rate ratio | |",
        "|---|---|---|---|---|---|---|---|",
    ]
    with ExitStack() as running:
        pair = (running.enter_context(understudy(HERE)), running.enter_context(understudy(other)))
        for row in ROWS:
            for server in pair:
                row.prepare(server)
            if only in row.name:
                for concurrency in (1, 16):
                    lines.append(_row(row, pair, concurrency, rounds))
                    print(lines[-1], file=sys.stderr)
    if only in "start to first answer":
        lines += _starts(other, rounds)
    if only in "memory of a record":
        lines += _memory(other, max(3, rounds // 3))
    return "\n".join(lines)


def _row(row: Row, pair: tuple[Running, Running], concurrency: int, rounds: int) -> str:
    total = max(16, row.total // _SHARE_OF_A_ROUND // (4 if concurrency == 1 and not row.once else 1))
    costs: tuple[list[float], list[float]] = ([], [])
    rates: tuple[list[float], list[float]] = ([], [])
    for turn in range(rounds + 1):
        for which in (0, 1) if turn % 2 else (1, 0):
            server = pair[which]
            asked = row.requests(server, total)
            before = server.cpu()
            figures = measure(
                "127.0.0.1", server.port, asked, concurrency=concurrency, total=total, seconds=6
            )
            if figures.errors:
                raise SystemExit(f"{row.name}: {figures.errors} of {figures.total} answers were errors")
            if turn:  # The first round warms up.
                costs[which].append((server.cpu() - before) / figures.total)
                rates[which].append(figures.rate)
    rate = median([ours / theirs for ours, theirs in zip(*rates, strict=True)])
    return _line(row.name, str(concurrency), costs, 1e6, f"{rate:.2f}")


def _line(name: str, at_once: str, values: tuple[list[float], list[float]], unit: float, rate: str) -> str:
    """One row; of each round the two figures stand in one pair."""
    ratios = [ours / theirs for ours, theirs in zip(*values, strict=True)]
    ratio, noise = median(ratios), 2 * 1.2533 * stdev(ratios) / len(ratios) ** 0.5
    verdict = "SLOWER" if ratio - 1 > ALLOWED + noise else ""
    own, other = (median(each) * unit for each in values)
    return (
        f"| {name} | {at_once} | {own:,.1f} | {other:,.1f} | {ratio:.3f} | {noise:.3f} | {rate} | {verdict} |"
    )


def _starts(other: Path, rounds: int) -> list[str]:
    servers = {"this": partial(understudy, HERE), "other": partial(understudy, other)}
    lines = []
    for label, start in (
        ("start to first answer", first_answers),
        ("start to first allowed answer", first_allowed),
    ):
        taken: dict[str, Starts] = start(servers, max(9, rounds))
        this, that = taken["this"], taken["other"]
        waited = f"{that.typical / this.typical:.2f}"
        lines.append(_line(f"{label}, CPU ms", "", (this.cpu, that.cpu), 1e3, waited))
        lines.append(_line(f"{label}, ms", "", (this.waited, that.waited), 1e3, waited))
        lines.append(_line(f"{label}, then idle MiB", "", (this.idle, that.idle), 1, "-"))
    return lines


def _memory(other: Path, rounds: int) -> list[str]:
    """Resident memory of a server that has many records, in MiB; each round is a new server.

    What one record adds cannot be seen from outside: new records go into what was freed after the start, of which a
    server that imports more has more.
    """
    with_roles: tuple[list[float], list[float]] = ([], [])
    with_both: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for which, checkout in enumerate((HERE, other)):
            with understudy(checkout) as server:
                make_roles(0, ROLES)(server)
                with_roles[which].append(server.resident())
                make_interfaces(INTERFACES)(server)
                with_both[which].append(server.resident())
    return [
        _line(f"memory with {ROLES:,} roles, MiB", "", with_roles, 1, "-"),
        _line(f"memory with {INTERFACES:,} network interfaces more, MiB", "", with_both, 1, "-"),
    ]
