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
    date_line,
    response_bytes,
    switching_bytes,
    taken_line,
)
from understudy_aws.node.ingress.known_heads import KnownResponse
from understudy_aws.node.ingress.limits import IngressLimits
from understudy_aws.node.ingress.upstream import Upstream

_SWITCHING = 101
_TAKEN = tuple(taken_line(milliseconds) for milliseconds in range(64))


class Host(Protocol):
    """What exchanges need of the ingress they belong to."""

    limits: IngressLimits
    dialer: Dialer
    connecting: set[Exchange]
    closing: bool
    request_seconds: int

    async def connect(self, target: Target) -> Upstream:
        """Return a new connection to an instance. Raises OSError."""
        ...


class Client(Protocol):
    """The connection that a request came over."""

    @property
    def host(self) -> Host: ...

    def write(self, pieces: list[bytes]) -> None: ...

    def write_one(self, piece: bytes) -> None: ...

    def answered(self, said: bytes, now: float) -> None:
        """Write a whole response, after which the connection may have the next request."""
        ...

    def response_done(self, *, keep_alive: bool) -> None:
        """The response is written; the connection may have the next request, or ends."""
        ...

    def abort(self) -> None: ...

    def go_on(self) -> None:
        """More of the request can be taken."""
        ...

    def tunnel_ended(self) -> None: ...


class Exchange:
    """A request and its response. `takes_body` says that more of the request can be sent on now."""

    __slots__ = (
        "_attempts",
        "_began",
        "_client",
        "_head",
        "_host",
        "_is_answered",
        "_keep_alive",
        "_needs_continue",
        "_needs_new",
        "_route",
        "_said",
        "_sent",
        "_target",
        "_task",
        "_upstream",
        "_upstream_paused",
        "asks_for_upgrade",
        "is_head",
        "is_plain",
        "is_tunnel",
        "request_complete",
    )

    def __init__(self, client: Client, head: Head, route: Route, said: bytes, complete: bool) -> None:
        """Begin with a head, and with what an instance gets of the request: its body too if it is `complete`."""
        self._host = client.host
        self._client = client
        self._head = head
        self._route = route
        self._said = said
        self._began = monotonic_seconds()
        self._target: Target | None = None
        self._upstream: Upstream | None = None
        self._task: asyncio.Task[None] | None = None
        self._attempts = 1
        self._needs_new = self._sent = self._is_answered = self._upstream_paused = self.is_tunnel = False
        self.request_complete = complete
        self.is_plain = head.is_plain
        if head.is_plain:
            self._keep_alive = True
            self.is_head = self.asks_for_upgrade = self._needs_continue = False
        else:
            self._keep_alive = head.keep_alive
            self.is_head = head.method == b"HEAD"
            self.asks_for_upgrade = head.websocket
            self._needs_continue = head.expects_continue

    # What the client's connection does.

    def again(self, head: Head, route: Route, said: bytes) -> None:
        """Take another plain request that is complete, after one to which a whole response came at once."""
        self._head = head
        self._route = route
        self._said = said
        self._began = monotonic_seconds()
        self._attempts = 1
        self._needs_new = self._sent = self._upstream_paused = False

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
        if self.is_tunnel or now - self._began < self._host.request_seconds:
            return
        if self._is_answered:
            self._leave(reusable=False)
            self._client.abort()
        elif self._target is None:
            has_healthy = self._route.has_healthy()
            self.refuse(edge.TOO_MANY_REQUESTS if has_healthy else edge.NO_HEALTHY_INSTANCE)
        else:
            self.refuse(edge.TIMED_OUT)

    # What the route does.

    def go_to(self, target: Target) -> None:
        """Send the request to an instance in which a place is taken."""
        self._target = target
        pool = target.pool
        if pool and not self._needs_new:
            since = pool[-1].idle_since
            if self._head.may_repeat or monotonic_seconds() - since < self._host.limits.fresh_seconds:
                # As `_send_over`, which is one call more.
                upstream = self._upstream = pool.pop()
                upstream.asker = self
                upstream.transport.write(self._said)
                if not self.request_complete:
                    self._go_on_with_body()
                return
        self._host.connecting.add(self)
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

    def on_known_response(self, head: KnownResponse, body: bytes, *, done: bool) -> None:
        """Pass on a response that needs no parser: its head, and what there is of its body."""
        now = monotonic_seconds()
        route = self._route
        route.answered[head.status // 100] += 1
        milliseconds = int((now - self._began) * 1000)
        taken = _TAKEN[milliseconds] if milliseconds < len(_TAKEN) else taken_line(milliseconds)
        if head.after_date:
            said = head.before_date + date_line() + head.after_date + taken + body
        else:
            said = head.before_date + taken + body
        if not done:
            self._is_answered = True
            self._client.write_one(said)
            return
        upstream, target = self._upstream, self._target
        assert upstream is not None, "its response is here"
        assert target is not None, "its response is here"
        self._upstream = self._target = None
        if upstream.is_reusable and target.listed:
            upstream.idle_since = now
            target.pool.append(upstream)
        else:
            upstream.close()
        route.give_back(target)
        self._client.answered(said, now)

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
        return not self._sent and self._head.may_repeat

    async def _connect(self, target: Target) -> None:
        try:
            upstream = await self._host.connect(target)
        except OSError:
            self._connected()
            self._try_again(edge.CONNECTION_FAILED)
            return
        self._connected()
        if self._target is not target:
            upstream.close()
            return
        self._send_over(upstream)

    def _connected(self) -> None:
        self._task = None
        self._host.connecting.discard(self)

    def _send_over(self, upstream: Upstream) -> None:
        self._upstream = upstream
        upstream.asker = self
        upstream.transport.write(self._said)
        if not self.request_complete:
            self._go_on_with_body()

    def _go_on_with_body(self) -> None:
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
        if self._task is not None:
            self._task.cancel()
            self._connected()
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
