"""What a request needs of the outside is fetched while others are answered, and then the request begins anew.

An operation is one transaction and waits for nothing. One that finds that something has to be fetched first raises
`AwaitedError`: nothing of it has happened then, and it leaves no entry in the trail. It is asked again when the
fetching is over, however it ended; the operation finds what came of it where it keeps such things.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future

from understudy_aws.core.http import HttpRequest, HttpResponse, ResponseInSteps, Steps

# What is fetched for one request, one after the other.
_MOST = 3


class AwaitedError(Exception):
    """Something must be fetched first; `fetched` is done when it is, or when it failed."""

    def __init__(self, fetched: Future[None]) -> None:
        super().__init__("Something must be fetched first.")
        self.fetched = fetched


def answered(
    handle: Callable[[HttpRequest], HttpResponse], request: HttpRequest
) -> HttpResponse | ResponseInSteps:
    """Answer a request, at once or when what it waits for was fetched."""
    try:
        return handle(request)
    except AwaitedError as awaited:
        return ResponseInSteps(_again(handle, request, awaited.fetched))


def _again(
    handle: Callable[[HttpRequest], HttpResponse], request: HttpRequest, fetched: Future[None]
) -> Steps[HttpResponse]:
    for _ in range(_MOST):
        yield fetched
        try:
            return handle(request)
        except AwaitedError as awaited:
            fetched = awaited.fetched
    raise RuntimeError(f"A request waited for {_MOST} things one after the other, and wants another.")
