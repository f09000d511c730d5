"""An Understudy server for tests, in a process of its own, reached over a socket."""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from understudy_aws import settings
from understudy_aws.admin.requests import AdminRequest, Reset
from understudy_aws.cli import client_environment
from understudy_aws.cli.admin_client import ask_server
from understudy_aws.cli.exec import options_of
from understudy_aws.cli.server_files import Keys
from understudy_aws.cli.server_process import ServerProcess
from understudy_aws.testing.clients import Clients
from understudy_aws.testing.credentials import Credentials


class UnderstudyServer(Clients):
    """A server on a free port with its state in memory, unless the settings say otherwise.

    Leaving the block stops it; it stops as well when this process is killed.
    """

    def __init__(self, **given: str | int) -> None:
        wanted = settings.read({}, **{"state": "memory:", "port": 0, **given})
        self._process = ServerProcess(options_of(wanted))
        self._is_started = False

    def __enter__(self) -> Self:
        """Start it, unless it was started before."""
        if not self._is_started:
            self.start()
        return self

    def start(self) -> None:
        """Start it and wait until it answers. Raises UserError with its own sentence if it does not."""
        try:
            started = self._process.start()
            keys, self._server = started.keys, started.server
        except BaseException:
            self.stop()
            raise
        self._is_started = True
        self.endpoint_url = started.endpoint
        self.account = started.account
        self.administrator = Credentials(keys.access_key_id, keys.secret_access_key)

    def stop(self) -> None:
        """Stop it. It cannot be started again."""
        self._process.__exit__(None, None, None)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def reset(self) -> None:
        """Delete everything and make the account anew. Clients of the administrator go on working."""
        made = self.answer_administrative(Reset())
        self.administrator = Credentials(made["access_key_id"], made["secret_access_key"])

    def environment(
        self, given: Mapping[str, str] | None = None, *, as_: Credentials | None = None
    ) -> dict[str, str]:
        """Return an environment for AWS clients of this server, the administrator's or somebody else's.

        It is `given`, by default this process's, with what must be set and without what would mislead them.
        """
        who = as_ or self.administrator
        keys = Keys(who.access_key_id, who.secret_access_key)
        made = client_environment.made(self.endpoint_url, keys, os.environ if given is None else given)
        return {**made, "AWS_SESSION_TOKEN": who.session_token} if who.session_token else made

    def answer_administrative(self, request: AdminRequest) -> Any:
        return ask_server(self._server, request)
