"""What is said of an image that can't be pulled, from what skopeo says: one sentence with its name."""

from __future__ import annotations

import pytest

from understudy_aws.dataplane.runtime.images import _architecture, _reason

NAME = "127.0.0.1:40127/denied/not-found:404"
BASE = NAME.rpartition(":")[0]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (
            f"initializing source docker://{NAME}: reading manifest 404 in {BASE}: manifest unknown",
            f"There is no image {NAME}.",
        ),
        (f"reading manifest 404 in {BASE}: manifest unknown: manifest unknown", f"There is no image {NAME}."),
        (f"reading manifest 404 in {BASE}: unauthorized: authentication required", f"Nobody may pull {NAME} with these credentials."),
        (f"{BASE}: denied: User: x is not authorized to perform: ecr:BatchGetImage", f"The registry refuses to give {NAME}: denied: User: x is not authorized to perform: ecr:BatchGetImage."),
        (f"pinging container registry: dial tcp {BASE}: connect: connection refused", f"The registry of {NAME} can't be reached: connection refused."),
        ("dial tcp: lookup none.test: no such host", f"The registry of {NAME} can't be reached: no such host."),
        ("http: server gave HTTP response to HTTPS client", f"The registry of {NAME} speaks HTTP without TLS."),
        ("tls: failed to verify certificate: x509: unknown authority", f"The certificate of the registry of {NAME} is not trusted: x509: unknown authority."),
        ("Error choosing an image from manifest list: no image found in manifest list for architecture", f"There is no image {NAME} for this machine, which is {_architecture()}."),
        ("open /var/lib/x: permission denied", f"The image {NAME} can't be pulled: open /var/lib/x: permission denied"),
    ],
)  # fmt: skip
def test_what_skopeo_says_is_told_by_what_it_means(said, reason):
    line = 'time="2026-01-01T00:00:00Z" level=fatal msg="' + said.replace('"', '\\"') + '"'
    told = _reason(NAME, line)
    assert told == reason


def test_of_a_registry_that_cannot_be_reached_it_is_said_what_may_stand_for_it():
    name = "public.ecr.aws/docker/library/nginx:1"
    told = _reason(
        name, "pinging container registry public.ecr.aws: dial tcp: lookup public.ecr.aws: no such host"
    )
    assert told == (
        f"The registry of {name} can't be reached: no such host. `understudy up --registry public.ecr.aws=PLACE` leads "
        "such names to a registry or a directory of this machine."
    )
