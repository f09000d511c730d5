"""Where images with names in Amazon ECR are pulled from."""

from __future__ import annotations

import json

import pytest

from understudy_aws.dataplane.runtime.registries import ImagePlaces, read_rules
from understudy_aws.dataplane.tasks import PullImage

PRIVATE = "000000000000.dkr.ecr.us-east-1.amazonaws.com"
RULES = read_rules(
    f"public.ecr.aws/mine=http://127.0.0.1:5000/mine, {PRIVATE}=oci:/srv/images,{PRIVATE}/other=https://r.test,"
    "public.ecr.aws/docker=docker-daemon:,public.ecr.aws/saved=docker-archive:/srv/saved"
)
DIGEST = f"sha256:{'0' * 64}"


@pytest.mark.parametrize(
    ("identifier", "pulled"),
    [
        ("public.ecr.aws/mine/app:1", PullImage(reference="docker://127.0.0.1:5000/mine/app:1", plain=True)),
        ("public.ecr.aws/mine/app", PullImage(reference="docker://127.0.0.1:5000/mine/app:latest", plain=True)),
        (f"public.ecr.aws/mine/a/b@{DIGEST}", PullImage(reference=f"docker://127.0.0.1:5000/mine/a/b@{DIGEST}", plain=True)),
        ("public.ecr.aws/mineral/app:1", PullImage(reference="docker://public.ecr.aws/mineral/app:1")),
        (f"{PRIVATE}/team/app:v2", PullImage(reference="oci:/srv/images/team/app:v2")),
        (f"{PRIVATE}/other/app:v2", PullImage(reference="docker://r.test/app:v2")),
        ("public.ecr.aws/docker/web:v2", PullImage(reference="docker-daemon:web:v2")),
        (f"public.ecr.aws/docker/web@{DIGEST}", PullImage(reference=f"docker-daemon:web@{DIGEST}")),
        ("public.ecr.aws/saved/team/app:v2", PullImage(reference="docker-archive:/srv/saved/team/app.tar")),
        (f"{PRIVATE}/others/app:v2", PullImage(reference="oci:/srv/images/others/app:v2")),
    ],
)  # fmt: skip
def test_the_longest_rule_that_fits_decides(identifier, pulled):
    assert ImagePlaces(RULES).pull_of(identifier) == pulled


def test_a_name_without_a_rule_is_pulled_from_where_it_says_with_its_credentials():
    pulled = ImagePlaces().pull_of(f"{PRIVATE}/app:1", user="AWS", password="secret")
    assert pulled == PullImage(reference=f"docker://{PRIVATE}/app:1", user="AWS", password="secret")
    assert ImagePlaces(RULES).pull_of(f"{PRIVATE}/app:1", user="AWS", password="secret").password == "", (
        "it is another registry"
    )


def test_what_was_built_here_is_taken_before_a_registry_is_asked(tmp_path):
    layout = tmp_path / "team/app"
    layout.mkdir(parents=True)
    described = {"digest": DIGEST, "annotations": {"org.opencontainers.image.ref.name": "v1"}}
    (layout / "index.json").write_text(json.dumps({"manifests": [described]}))
    built = PullImage(reference=f"oci:{layout}:v1")
    places = ImagePlaces(built=tmp_path)
    assert places.pull_of(f"{PRIVATE}/team/app:v1") == built
    assert places.pull_of("public.ecr.aws/alias/team/app:v1") == built
    assert places.pull_of(f"{PRIVATE}/team/app:v2").reference == f"docker://{PRIVATE}/team/app:v2"
    outside = ImagePlaces(built=tmp_path / "team")
    assert outside.pull_of(f"{PRIVATE}/../team/app:v1").reference.startswith("docker://")


def test_a_digest_is_found_in_a_layout_and_no_other_image_in_its_place(tmp_path):
    other = f"sha256:{'1' * 64}"
    layout = tmp_path / "app"
    layout.mkdir()
    tags = {"latest": other, "v1": DIGEST}
    described = [
        {"digest": digest, "annotations": {"org.opencontainers.image.ref.name": tag}}
        for tag, digest in tags.items()
    ]
    (layout / "index.json").write_text(json.dumps({"manifests": described}))
    places = ImagePlaces(read_rules(f"public.ecr.aws/mine=oci:{tmp_path}"))
    assert places.pull_of(f"public.ecr.aws/mine/app@{DIGEST}").reference == f"oci:{layout}:v1"
    missing = places.pull_of(f"public.ecr.aws/mine/app@sha256:{'2' * 64}").reference
    assert missing.rpartition(":")[2] not in tags


@pytest.mark.parametrize("text", ["a", "a=", "=http://b", "a=ftp://b", "a=oci:b", "a=b"])
def test_what_is_no_rule_is_refused_with_its_form(text):
    with pytest.raises(ValueError, match="is not PREFIX=PLACE"):
        read_rules(text)
