"""Source trees, images and layers that no service needs are deleted, whatever was killed before that."""

from __future__ import annotations

import fcntl

import pytest
from plain_sites import Site, source
from plain_workloads import repository

from understudy_aws.dataplane.runtime.artifacts import Artifacts, UnpackedImage, write_record
from understudy_aws.dataplane.tasks import TaskStatus


@pytest.fixture
def site(tmp_path, monkeypatch):
    made = Site(tmp_path, monkeypatch)
    with made.understudy:
        yield made
    made.workloads.end()


def left_in(directory) -> tuple[list[str], list[str]]:
    """What lies in the places of source trees, images and checkouts, and which layers."""
    artifacts = Artifacts(directory)
    places = (artifacts.sources, artifacts.images, artifacts.checkouts)
    made = [each.name for place in places if place.exists() for each in place.iterdir()]
    layers = artifacts.blobs / "sha256"
    return sorted(made), sorted(each.name for each in layers.iterdir()) if layers.exists() else []


def image_in(directory, digest: str, *layers: str) -> None:
    artifacts = Artifacts(directory)
    place = artifacts.images / digest.replace(":", "-")
    (place / "rootfs" / "deep").mkdir(parents=True)
    (artifacts.blobs / "sha256").mkdir(parents=True, exist_ok=True)
    for layer in layers:
        (artifacts.blobs / "sha256" / layer).touch()
    write_record(
        place,
        UnpackedImage(
            id=digest, reference="", command=(), entry_point=(), environment=(), working_directory="/", user="",
            ports=(), blobs=tuple(f"sha256:{each}" for each in layers), bytes=1,
        ),
    )  # fmt: skip


def test_after_a_failed_deployment_only_what_runs_is_kept(site):
    """What a deployment has made that failed is of no use, though the service goes on."""
    arn = site.create()
    site.ended(arn)
    assert ("sha256:one",) == site.workloads.kept.images
    asked = {"ImageRepository": {**source("2")["ImageRepository"]}}
    asked["ImageRepository"]["ImageConfiguration"] = {"StartCommand": "sh -c 'exit 3'"}
    site.apprunner.update_service(ServiceArn=arn, SourceConfiguration=asked)
    site.workloads.kept = None
    assert "ROLLBACK_SUCCEEDED" == site.ended(arn)[1]["Status"]
    site.understudy.settle()
    assert ("sha256:one",) == site.workloads.kept.images
    assert {} == site.workloads.tasks


def test_a_creation_that_failed_leaves_nothing(site):
    code = repository(site.directory / "code", **{"serve.py": "raise SystemExit(1)"})
    values = {"Runtime": "PYTHON_311", "StartCommand": "python3 serve.py"}
    asked = {
        "AuthenticationConfiguration": {"ConnectionArn": site.connection()},
        "AutoDeploymentsEnabled": False,
        "CodeRepository": {
            "RepositoryUrl": f"file://{code}",
            "SourceCodeVersion": {"Type": "BRANCH", "Value": "main"},
            "CodeConfiguration": {"ConfigurationSource": "API", "CodeConfigurationValues": values},
        },
    }
    place = site.directory / "node"
    (place / "sources" / "tree-left").mkdir(parents=True)
    arn = site.apprunner.create_service(ServiceName="site", SourceConfiguration=asked)["Service"][
        "ServiceArn"
    ]
    assert "CREATE_FAILED" == site.ended(arn)[0]["Status"]
    site.understudy.settle()
    assert ([], []) == left_in(place)
    assert {} == site.workloads.tasks


def test_when_no_service_is_left_the_disk_is_cleared_without_a_node(site):
    place = site.directory / "node"
    arn = site.create()
    site.ended(arn)
    image_in(place, "sha256:one", "a", "b")
    (place / "sources" / ".gone-0-of-a-node-that-was-killed").mkdir(parents=True)
    site.apprunner.delete_service(ServiceArn=arn)
    site.ended(arn)
    site.understudy.settle()
    assert ([], []) == left_in(place)


def test_a_paused_service_keeps_what_it_will_run(site):
    place = site.directory / "node"
    image_in(place, "sha256:one", "a", "b")
    image_in(place, "sha256:other", "b", "c")
    arn = site.create()
    site.ended(arn)
    site.apprunner.pause_service(ServiceArn=arn)
    site.ended(arn)
    site.understudy.settle()
    assert (["sha256-one"], ["a", "b"]) == left_in(place)


def test_tasks_of_operations_that_have_ended_are_forgotten(site):
    """A server that was killed before it could tell the node leaves them, and what they have made."""
    arn = site.create()
    site.ended(arn)
    operation = site.operations(arn)[0]["Id"]
    for id in (f"{operation}-fetch", "gone-build", "gone-look"):
        site.workloads.tasks[id] = TaskStatus(id=id, state="succeeded")
    site.apprunner.start_deployment(ServiceArn=arn)
    site.ended(arn)
    site.understudy.settle()
    assert {} == site.workloads.tasks


def test_what_is_made_now_is_not_deleted(tmp_path):
    """Whoever makes it holds its lock."""
    image_in(tmp_path, "sha256:one", "a")
    artifacts = Artifacts(tmp_path)
    lock = artifacts.images / "sha256-one.lock"
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert artifacts.set_aside((), (), ())
        artifacts.remove_aside()
        assert artifacts.image("sha256:one")
    assert artifacts.set_aside((), (), ())
    artifacts.remove_aside()
    assert ([], []) == left_in(tmp_path)
    assert not artifacts.set_aside((), (), ())
