"""The states of a connection and every transition between them, as tables; after h11's.

The client and the server each have a state. An event moves one of them. `_TOGETHER` then says what follows from both
states taken together, so that no code has to combine flags.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final


class Client(Enum):
    """What the client does."""

    SENDING = auto()
    """It sends requests, or waits before it sends the next one."""

    REFUSED = auto()
    """It sent something that cannot be taken. Whatever it still sends is thrown away."""

    CLOSED = auto()
    """It closed its side and sends nothing more."""


class Server(Enum):
    """What the server does."""

    ANSWERING = auto()
    """It handles requests and writes answers."""

    ENDING = auto()
    """The last answer is queued. Nothing more is handled."""

    WRITTEN = auto()
    """All answers are written. No connection stays in this state."""

    LINGERING = auto()
    """All answers are written, and the server waits until a refused client has read its answer and closes."""

    CLOSED = auto()
    """The connection is closed, or closes once the kernel has taken what is written."""


class Event(Enum):
    """What happens to a connection."""

    REFUSED = auto()
    CLIENT_CLOSED = auto()
    LAST_ANSWER_QUEUED = auto()
    ALL_WRITTEN = auto()
    LOST = auto()


_CLIENT: Final[dict[Client, dict[Event, Client]]] = {
    Client.SENDING: {
        Event.REFUSED: Client.REFUSED,
        Event.CLIENT_CLOSED: Client.CLOSED,
        Event.LOST: Client.CLOSED,
    },
    Client.REFUSED: {Event.CLIENT_CLOSED: Client.CLOSED, Event.LOST: Client.CLOSED},
    Client.CLOSED: {Event.LOST: Client.CLOSED},
}
_SERVER: Final[dict[Server, dict[Event, Server]]] = {
    Server.ANSWERING: {Event.LAST_ANSWER_QUEUED: Server.ENDING, Event.LOST: Server.CLOSED},
    Server.ENDING: {Event.ALL_WRITTEN: Server.WRITTEN, Event.LOST: Server.CLOSED},
    Server.WRITTEN: {},
    Server.LINGERING: {Event.LOST: Server.CLOSED},
    Server.CLOSED: {Event.LOST: Server.CLOSED},
}
_TOGETHER: Final[dict[tuple[Client, Server], Server]] = {
    # Closing while bytes are unread resets the connection, and the client would lose the answer.
    (Client.REFUSED, Server.WRITTEN): Server.LINGERING,
    (Client.SENDING, Server.WRITTEN): Server.CLOSED,
    (Client.CLOSED, Server.WRITTEN): Server.CLOSED,
    (Client.CLOSED, Server.LINGERING): Server.CLOSED,
}


class IllegalEventError(Exception):
    """An event that cannot happen in the present state: a mistake of ours."""


class ConnectionState:
    """The states of one connection."""

    __slots__ = ("client", "server")

    def __init__(self) -> None:
        self.client = Client.SENDING
        self.server = Server.ANSWERING

    def process(self, event: Event) -> None:
        """Move on by one event. Raises IllegalEventError when neither side knows it in its present state."""
        client = _CLIENT[self.client].get(event)
        server = _SERVER[self.server].get(event)
        if client is None and server is None:
            raise IllegalEventError(f"{event} while {self.client}, {self.server}")
        self.client = client or self.client
        self.server = server or self.server
        self.server = _TOGETHER.get((self.client, self.server), self.server)

    @property
    def is_handling(self) -> bool:
        """Whether further requests are handled."""
        return self.server is Server.ANSWERING
