"""Blocking functions in threads: awaited, raised, and never waited for longer than somebody wants."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading

import pytest

from understudy_aws.gateway.driver_threads import in_thread


def test_it_answers_what_the_function_returns_from_another_thread():
    def work(number: int, *, more: int) -> tuple[int, int]:
        return number + more, threading.get_ident()

    total, thread = asyncio.run(in_thread(work, 1, more=2))
    assert 3 == total
    assert threading.get_ident() != thread


def test_it_raises_what_the_function_raises():
    with pytest.raises(ZeroDivisionError):
        asyncio.run(in_thread(lambda: 1 / 0))


def test_functions_that_never_return_use_up_nothing_that_others_need():
    """A pool of threads would be full of them."""
    stuck = threading.Event()

    async def work() -> int:
        hanging = [asyncio.create_task(in_thread(stuck.wait)) for _ in range(64)]
        answer = await in_thread(lambda: 7)
        for task in hanging:
            task.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)
        return answer

    assert 7 == asyncio.run(asyncio.wait_for(work(), 10))
    stuck.set()


def test_a_process_ends_without_waiting_for_one():
    program = """
import asyncio, threading
from understudy_aws.gateway.driver_threads import in_thread

async def main():
    task = asyncio.create_task(in_thread(threading.Event().wait))
    await asyncio.sleep(0.05)
    task.cancel()

asyncio.run(main())
print("ended")
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=False
    )
    assert (0, "ended\n", "") == (ended.returncode, ended.stdout, ended.stderr)
