"""What a request to the registry is about, by its path (registry.md 24.3)."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, unquote

import msgspec

from understudy_aws.core.http import HttpRequest

PREFIX = "/v2/"
_WORD = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME = rf"(?P<name>{_WORD}(?:/{_WORD})*)"
_SHAPES = (
    re.compile(rf"/v2/{_NAME}/(?P<kind>manifests)/(?P<reference>[A-Za-z0-9_][A-Za-z0-9._:-]{{0,127}})"),
    re.compile(rf"/v2/{_NAME}/(?P<kind>blobs)/(?P<reference>sha256:[0-9a-f]{{64}})"),
    re.compile(rf"/v2/{_NAME}/blobs/(?P<kind>uploads)/(?P<reference>[0-9a-f-]{{36}})?"),
    re.compile(rf"/v2/{_NAME}/(?P<kind>tags)/list(?P<reference>)"),
)
_REGISTRY = re.compile(r"(\d{12})\.dkr\.ecr\.([a-z0-9-]{1,32})\.[a-z0-9.-]+")
_LONGEST_NAME = 256


class Wanted(msgspec.Struct, frozen=True):
    """What a request names: a manifest, a blob, an upload or the tags of a repository.

    `account` and `region` are those of the registry that is named in the host or before the name; empty for the
    registry of who asks. `place` is the path of the repository as the client spells it.
    """

    kind: str
    name: str
    reference: str
    place: str
    account: str = ""
    region: str = ""


def is_for_registry(request: HttpRequest) -> bool:
    """Whether a request is for the registry, and not one with a signature for another service that has such paths."""
    if not (request.path.startswith(PREFIX) or request.path == "/v2"):
        return False
    return not request.headers.get("authorization", "").startswith("AWS4-") and "X-Amz-" not in request.query


def wanted(request: HttpRequest) -> Wanted | None:
    """Return what a request names, or None for a path that names nothing."""
    path = unquote(request.path)
    for shape in _SHAPES:
        found = shape.fullmatch(path)
        if found is None or len(found["name"]) > _LONGEST_NAME + 64:
            continue
        name, place = found["name"], f"/v2/{found['name']}"
        registry = _REGISTRY.fullmatch(request.headers.get("host", "").partition(":")[0])
        first, _, rest = name.partition("/")
        if registry is None and rest:
            registry = _REGISTRY.fullmatch(first)
            name = rest if registry is not None else name
        account, region = registry.groups() if registry is not None else ("", "")
        return Wanted(found["kind"], name, found["reference"] or "", place, account, region)
    return None


def query(request: HttpRequest) -> dict[str, str]:
    """Return the parameters of a request's query; of several of a name, the last."""
    return dict(parse_qsl(request.query, keep_blank_values=True, max_num_fields=20))
