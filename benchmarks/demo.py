"""How long `understudy demo` takes once it is installed, on a new state: packets and a running service included.

python benchmarks/demo.py [TIMES]
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path


def demos(times: int) -> Iterator[float]:
    """Run demonstrations one after another, and tell what each took."""
    for _ in range(times):
        with tempfile.TemporaryDirectory(prefix="understudy-bench-") as state:
            words = [Path(sys.executable).with_name("understudy"), "demo", "--state", state]
            started = time.monotonic()
            subprocess.run(words, stdout=subprocess.DEVNULL, check=True)
            yield time.monotonic() - started


def main() -> None:
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    taken = sorted(demos(times))
    load = os.getloadavg()[0]
    print("| | best/p50/worst | load |\n|---|---|---|")
    print(f"| understudy demo | {taken[0]:.1f}/{taken[times // 2]:.1f}/{taken[-1]:.1f} s | {load:.0f} |")


if __name__ == "__main__":
    main()
