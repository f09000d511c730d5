"""What a node is asked to do once: fetch source code, build it, pull an image.

A task is known by an id that the server chooses, so that asking again for the same id, after a crash of either, finds
the task and does not begin another.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from understudy_aws.core.confidential import Confidential
from understudy_aws.dataplane.wanted_services import Pairs


class FetchSource(Confidential, frozen=True, tag="fetch-source", kw_only=True):
    """Fetch a branch of a repository: a git URL, or a directory of this machine as `file://`.

    The result is its `commit`, and the text of the configuration file in `directory`, if there is one. The URL may have
    credentials in it.
    """

    hidden = frozenset({"url"})

    url: str
    branch: str
    directory: str = "/"


class BuildSource(Confidential, frozen=True, tag="build-source", kw_only=True):
    """Build a fetched source tree with the commands of a runtime, in order, isolated from this machine.

    `commit` is what `FetchSource` found, `language` and `version` are the runtime's. `log_stream` is where the
    output of the commands goes. The result is the id of the built tree (`Program.source`).
    """

    hidden = frozenset({"url", "environment"})

    url: str
    commit: str
    directory: str = "/"
    language: str
    version: str
    commands: tuple[str, ...] = ()
    environment: Pairs = ()
    service: str = ""
    log_stream: str = ""


class PullImage(Confidential, frozen=True, tag="pull-image", kw_only=True):
    """Pull and unpack an image, by a reference as `skopeo` writes it.

    That is `docker://…`, `oci:…`, `docker-archive:…` or `dir:…`; `title` is what people call it, if not so. `user` and
    `password` are for the registry. `plain` registries speak HTTP without TLS. The result is the image's digest
    (`Program.image`), its command with the entry point, and the port it exposes.
    """

    hidden = frozenset({"password"})

    reference: str
    user: str = ""
    password: str = ""
    plain: bool = False
    title: str = ""


Task: TypeAlias = FetchSource | BuildSource | PullImage


class TaskResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a task has found or made; members that do not belong to its kind are empty.

    `part` is a digest of the source directory, where that is a part of what was fetched.
    """

    commit: str = ""
    part: str = ""
    configuration_file: str | None = None
    source: str = ""
    image: str = ""
    command: tuple[str, ...] = ()
    exposed_port: int = 0


class TaskStatus(msgspec.Struct, frozen=True, tag="task", kw_only=True):
    """How far a task is: `running`, `succeeded` or `failed`; `reason` says in one sentence why it failed."""

    id: str
    state: str
    reason: str = ""
    result: TaskResult = TaskResult()
