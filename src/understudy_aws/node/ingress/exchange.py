"""One request on its way: to an instance, once more if that is safe, and its response back to the client."""

from __future__ import annotations

import asyncio
from typing import Protocol

from understudy_aws.core.clock import monotonic_seconds
from understudy_aws.node.dialer import Dialer
from understudy_aws.node.ingress import edge_answers as edge
from understudy_aws.node.ingress.balancing import Route, Target
from understudy_aws.node.ingress.edge_answers import EdgeAnswer
from understudy_aws.node.ingress.heads import (
    Head,
    ResponseHead,
    request_bytes,
    response_bytes,
    switching_bytes,
)
from understudy_aws.node.ingress.limits import IngressLimits
from understudy_aws.node.ingress.upstream import Upstream

_SWITCHING = 101
# To do these twice is as good as once (RFC 9110 9.2.2).
_IDEMPOTENT = frozenset((b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE", b"TRACE"))


class Client(Protocol):
    """The connection that a request came over."""

    forwarded: bytes

    def write(self, pieces: list[bytes]) -> None: ...

    def response_done(self, *, keep_alive: bool) -> None:
        """The response is written; the connection may have the next request, or ends."""
        ...

    def abort(self) -> None: ...

    def go_on(self) -> None:
        """More of the request can be taken."""
        ...

    def tunnel_ended(self) -> None: ...


class Host(Protocol):
    """What exchanges need of the ingress they belong to."""

    limits: IngressLimits
    dialer: Dialer
    exchanges: set[Exchange]
    closing: bool

    async def connect(self, target: Target) -> Upstream:
        """Return a new connection to an instance. Raises OSError."""
        ...

    def request_id(self) -> str: ...


class Exchange:
    """A request and its response. `takes_body` says that more of the request can be sent on now."""

    __slots__ = (
        "_attempts",
        "_began",
        "_client",
        "_head",
        "_host",
        "_id",
        "_is_answered",
        "_keep_alive",
        "_needs_continue",
        "_needs_new",
        "_route",
        "_sent",
        "_target",
        "_task",
        "_upstream",
        "_upstream_paused",
        "asks_for_upgrade",
        "is_head",
        "is_tunnel",
        "request_complete",
    )

    def __init__(self, host: Host, client: Client, head: Head, route: Route) -> None:
        self._host = host
        self._client = client
        self._head = head
        self._route = route
        self._began = monotonic_seconds()
        self._target: Target | None = None
        self._upstream: Upstream | None = None
        self._task: asyncio.Task[None] | None = None
        self._attempts = 1
        self._needs_new = False
        self._sent = False
        self._is_answered = False
        self._keep_alive = head.keep_alive
        self._needs_continue = head.expects_continue
        self._upstream_paused = False
        self._id = host.request_id()
        self.is_head = head.method == b"HEAD"
        self.asks_for_upgrade = head.websocket
        self.is_tunnel = False
        self.request_complete = not head.has_body
        host.exchanges.add(self)

    # What the client's connection does.

    def begin(self) -> None:
        """Go to an instance, or wait for one."""
        target = self._route.take() if not self._route.waiting else None
        if target is not None:
            self.go_to(target)
            return
        refused = self._route.wait(self)
        if refused is not None:
            self.refuse(refused)

    @property
    def takes_body(self) -> bool:
        return self._upstream is not None and not self._upstream_paused

    def body(self, piece: bytes) -> None:
        """Send some of the body on, or of what goes through the tunnel."""
        assert self._upstream is not None, "it takes some"
        self._sent = True
        if self.is_tunnel or self._head.length > 0:
            self._upstream.send(piece)
        elif piece:
            self._upstream.send(b"%x\r\n%b\r\n" % (len(piece), piece))

    def end(self) -> None:
        """The request is complete."""
        if self._head.length < 0 and self._upstream is not None:
            self._upstream.send(b"0\r\n\r\n")
        self.request_complete = True

    def end_of_tunnel(self) -> None:
        """The client says nothing more."""
        if self._upstream is not None:
            self._upstream.send_end()

    def pause(self, *, paused: bool) -> None:
        """Have the response wait until the client has taken in what there is of it."""
        if self._upstream is not None:
            self._upstream.pause(paused=paused)

    def cancel(self) -> None:
        """The client has gone."""
        self._is_answered = True
        self._leave(reusable=False)

    def malformed(self, answer: EdgeAnswer) -> None:
        """What follows in the request can't be read."""
        if self._is_answered:
            self.cancel()
            self._client.abort()
        else:
            self._keep_alive = False
            self.refuse(answer)

    # What passes with time.

    def end_if_late(self, now: float) -> None:
        """End what takes too long; a tunnel takes as long as it likes."""
        if self.is_tunnel or now - self._began < self._route.service.request_seconds:
            return
        if self._is_answered:
            self._leave(reusable=False)
            self._client.abort()
        elif self._target is None:
            has_healthy = any(target.healthy for target in self._route.targets)
            self.refuse(edge.TOO_MANY_REQUESTS if has_healthy else edge.NO_HEALTHY_INSTANCE)
        else:
            self.refuse(edge.TIMED_OUT)

    # What the route does.

    def go_to(self, target: Target) -> None:
        """Send the request to an instance in which a place is taken."""
        self._target = target
        pool = target.pool
        if pool and not self._needs_new:
            upstream = pool[-1]
            assert isinstance(upstream, Upstream), "nothing else is pooled"
            is_fresh = monotonic_seconds() - upstream.idle_since < self._host.limits.fresh_seconds
            if is_fresh or self._may_repeat:
                pool.pop()
                self._send_over(upstream)
                return
        self._task = asyncio.get_running_loop().create_task(self._connect(target))

    def refuse(self, answer: EdgeAnswer) -> None:
        """Answer this instead of an instance."""
        if self._is_answered:
            return
        self._is_answered = True
        self._leave(reusable=False)
        keep_alive = self._keep_alive and self.request_complete and not self._host.closing
        self._route.answered[answer.status // 100] += 1
        self._client.write([answer.encoded(keep_alive=keep_alive, head_only=self.is_head)])
        self._client.response_done(keep_alive=keep_alive)

    # What the connection to the instance does.

    def on_response_head(self, head: ResponseHead) -> tuple[bytes, bool]:
        """Return the head as the client gets it, and whether the body is passed on in chunks."""
        self._is_answered = True
        self._route.answered[min(head.status // 100, 5)] += 1
        if head.upgrade and head.status == _SWITCHING:
            return switching_bytes(head), False
        chunked = head.length < 0
        if not self.request_complete or self._host.closing:
            self._keep_alive = False
        if chunked and self._head.version == "1.0":
            # It knows no chunks: the body ends with the connection.
            self._keep_alive = chunked = False
        elif self._keep_alive and self._head.version == "1.0":
            head.passed.append(b"connection: keep-alive\r\n")
        milliseconds = int((monotonic_seconds() - self._began) * 1000)
        return response_bytes(head, milliseconds, keep_alive=self._keep_alive, chunked=chunked), chunked

    def on_response(self, pieces: list[bytes], *, done: bool) -> None:
        """Pass pieces of the response on."""
        if pieces:
            self._client.write(pieces)
        if done:
            self._leave(reusable=self.request_complete)
            self._client.response_done(keep_alive=self._keep_alive and self.request_complete)

    def on_switched(self, pieces: list[bytes]) -> None:
        """The connection is the application's from here on."""
        self.is_tunnel = True
        self._client.write(pieces)
        self._client.go_on()

    def on_upstream_lost(self, *, malformed: bool) -> None:
        """The instance has closed the connection, or says what can't be read."""
        upstream, self._upstream = self._upstream, None
        if self._is_answered:
            # The client has to see that it is not whole.
            self._leave(reusable=False)
            self._client.abort()
        elif malformed:
            self.refuse(edge.NOT_HTTP)
        elif upstream is not None and upstream.is_used and self._may_repeat:
            self._try_again(edge.CONNECTION_ENDED)
        else:
            self.refuse(edge.CONNECTION_ENDED)

    def on_upstream_paused(self, *, paused: bool) -> None:
        """Send nothing more until the instance has taken in what there is, or go on."""
        self._upstream_paused = paused
        if not paused:
            self._client.go_on()

    def on_tunnel_ended(self) -> None:
        """The instance says nothing more."""
        self._client.tunnel_ended()

    # How it goes on.

    @property
    def _may_repeat(self) -> bool:
        return not self._sent and not self._head.has_body and self._head.method in _IDEMPOTENT

    async def _connect(self, target: Target) -> None:
        try:
            upstream = await self._host.connect(target)
        except OSError:
            self._task = None
            self._try_again(edge.CONNECTION_FAILED)
            return
        self._task = None
        if self._target is not target:
            upstream.close()
            return
        self._send_over(upstream)

    def _send_over(self, upstream: Upstream) -> None:
        self._upstream = upstream
        upstream.send_request(self, request_bytes(self._head, self._client.forwarded, self._id))
        if not self.request_complete:
            if self._needs_continue:
                self._needs_continue = False
                self._client.write([edge.CONTINUE])
            self._client.go_on()

    def _try_again(self, answer: EdgeAnswer) -> None:
        """Go to an instance once more, another one where there is; `answer` if it was often enough."""
        target, self._target = self._target, None
        if self._attempts >= self._host.limits.attempts or target is None:
            self._target = target
            self.refuse(answer)
            return
        self._attempts += 1
        # What is pooled may have ended as this one did.
        self._needs_new = True
        # Its own place is given back after the other is taken, so that it comes to another instance if that is free.
        other = self._route.take()
        if other is None:
            self.go_to(target)
        else:
            self._route.give_back(target)
            self.go_to(other)

    def _leave(self, *, reusable: bool) -> None:
        """Let go of the instance and the place in it."""
        self._host.exchanges.discard(self)
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
        upstream, self._upstream = self._upstream, None
        target, self._target = self._target, None
        if upstream is not None:
            if reusable and upstream.is_reusable and upstream.target.listed:
                upstream.pause(paused=False)
                upstream.target.pool.append(upstream)
            else:
                upstream.close()
        if target is not None:
            self._route.give_back(target)
        elif upstream is None:
            self._route.leave(self)
