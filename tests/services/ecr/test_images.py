"""Images of a repository, through boto3 (registry.md 24.2)."""

from __future__ import annotations

import hashlib
import json

import pytest
from refusals import refused

from understudy_aws.services.ecr.records import Layer, layers

ACCOUNT = "000000000000"
LIST = "application/vnd.oci.image.index.v1+json"
IMAGE = "application/vnd.oci.image.manifest.v1+json"
NAMED = {"repositoryName": "app"}


def digest_of(text):
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def manifest(*names):
    """A manifest of an image with layers of these contents; the first is its configuration."""
    config, *others = ({"mediaType": "x", "digest": digest_of(name), "size": len(name)} for name in names)
    return json.dumps({"schemaVersion": 2, "mediaType": IMAGE, "config": config, "layers": others})


def index(*manifests):
    listed = [{"mediaType": IMAGE, "digest": digest_of(each), "size": len(each)} for each in manifests]
    return json.dumps({"schemaVersion": 2, "mediaType": LIST, "manifests": listed})


class Images:
    """A repository, and the layers it has."""

    def __init__(self, understudy) -> None:
        self.understudy = understudy
        self.client = understudy.client("ecr")
        self.client.create_repository(repositoryName="app")

    def layers(self, *names):
        with self.understudy.app.database.transaction() as tx:
            for name in names:
                made = {"digest": digest_of(name), "size": len(name), "uploaded": self.understudy.clock.now()}
                layers.put(tx, Layer(account=ACCOUNT, region="us-east-1", repository="app", **made))

    def has(self, name):
        told = self.client.batch_check_layer_availability(**NAMED, layerDigests=[digest_of(name)])
        return "AVAILABLE" == told["layers"][0]["layerAvailability"]

    def put(self, text, tag=None):
        more = {"imageTag": tag} if tag else {}
        return self.client.put_image(**NAMED, imageManifest=text, **more)["image"]

    def ids(self, **more):
        found = self.client.list_images(**NAMED, **more)["imageIds"]
        return {(each["imageDigest"], each.get("imageTag")) for each in found}

    def delete(self, *ids):
        return self.client.batch_delete_image(**NAMED, imageIds=list(ids))


@pytest.fixture
def images(understudy):
    return Images(understudy)


class TestPut:
    def test_it_is_given_back_byte_by_byte(self, images):
        images.layers("config", "a", "b")
        text = manifest("config", "a", "b") + "\n "
        put = images.put(text, "first")
        assert {"imageDigest": digest_of(text), "imageTag": "first"} == put["imageId"]
        for id in ({"imageTag": "first"}, {"imageDigest": digest_of(text)}):
            (got,) = images.client.batch_get_image(**NAMED, imageIds=[id])["images"]
            assert (text, IMAGE) == (got["imageManifest"], got["imageManifestMediaType"])

    def test_its_layers_must_be_there(self, images):
        images.layers("config")
        with refused("LayersNotFoundException") as told:
            images.put(manifest("config", "a"))
        assert f"Layers with digests '[{digest_of('a')}]' required for pushing image" in told.text

    def test_the_images_of_a_list_must_be_there(self, images):
        images.layers("config")
        one = manifest("config")
        with refused("ReferencedImagesNotFoundException"):
            images.put(index(one))
        images.put(one)
        images.put(index(one), "both")

    def test_twice_the_same_is_refused(self, images):
        images.layers("config")
        text = manifest("config")
        images.put(text, "a")
        with refused("ImageAlreadyExistsException"):
            images.put(text, "a")
        with refused("ImageAlreadyExistsException"):
            images.put(text)
        images.put(text, "b")
        assert {(digest_of(text), "a"), (digest_of(text), "b")} == images.ids()

    def test_a_tag_moves_unless_tags_are_immutable(self, images):
        images.layers("config", "a")
        first, second = manifest("config"), manifest("config", "a")
        images.put(first, "latest")
        images.put(second, "latest")
        assert {(digest_of(first), None), (digest_of(second), "latest")} == images.ids()
        images.client.put_image_tag_mutability(**NAMED, imageTagMutability="IMMUTABLE")
        text = (
            "The image tag 'latest' already exists in the 'app' repository and cannot be overwritten because the "
            "repository is immutable."
        )
        with refused("ImageTagAlreadyExistsException", text):
            images.put(first, "latest")

    def test_the_digest_must_be_the_manifest_s(self, images):
        images.layers("config")
        text = manifest("config")
        with refused("ImageDigestDoesNotMatchException"):
            images.client.put_image(**NAMED, imageManifest=text, imageDigest=digest_of("x"))
        images.client.put_image(**NAMED, imageManifest=text, imageDigest=digest_of(text))

    @pytest.mark.parametrize(
        "text",
        [
            "no json",
            "[" * 5000,
            "{}",
            '{"schemaVersion":1}',
            '{"schemaVersion":2,"mediaType":"text/html","config":{}}',
            '{"schemaVersion":2}',
            '{"schemaVersion":2,"config":{"digest":"md5:a","size":1},"layers":[]}',
            '{"schemaVersion":2,"config":{"digest":"sha256:%s","size":-1},"layers":[]}' % ("a" * 64),
            '{"schemaVersion":2,"config":{"digest":"sha256:%s","size":1},"layers":[1]}' % ("a" * 64),
            '{"schemaVersion":2,"manifests":{}}',
        ],
    )
    def test_what_is_no_manifest(self, images, text):
        with refused("InvalidParameterException"):
            images.put(text)

    @pytest.mark.parametrize("tag", [".a", "a/b", "a" * 129])
    def test_what_is_no_tag(self, images, tag):
        with refused("InvalidParameterException"):
            images.put(index(), tag)

    def test_layers_that_are_elsewhere_are_not_asked_for(self, images):
        images.layers("config")
        text = json.loads(manifest("config", "elsewhere"))
        text["layers"][0]["mediaType"] = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
        images.put(json.dumps(text))


class TestTold:
    def test_what_is_described(self, images, understudy):
        images.layers("config", "abc")
        text = manifest("config", "abc")
        images.put(text, "b")
        images.put(text, "a")
        (told,) = images.client.describe_images(**NAMED)["imageDetails"]
        assert (["a", "b"], 9, IMAGE) == (
            told["imageTags"],
            told["imageSizeInBytes"],
            told["imageManifestMediaType"],
        )
        assert "lastRecordedPullTime" not in told
        images.client.batch_get_image(**NAMED, imageIds=[{"imageTag": "a"}])
        (told,) = images.client.describe_images(**NAMED, imageIds=[{"imageTag": "a"}])["imageDetails"]
        assert understudy.clock.now().date() == told["lastRecordedPullTime"].date()
        with refused("ImageNotFoundException") as refusal:
            images.client.describe_images(**NAMED, imageIds=[{"imageTag": "c"}])
        assert refusal.text.startswith(
            "The image with imageId {imageDigest:'null', imageTag:'c'} does not exist within"
        )

    def test_lists_page_by_page_and_by_whether_there_is_a_tag(self, images):
        images.layers(*"abcd")
        for name in "abc":
            images.put(manifest(name), name)
        images.put(manifest("a"), "z")
        images.put(manifest("d"))
        everything = images.ids()
        assert 5 == len(everything)
        assert {(digest_of(manifest("d")), None)} == images.ids(filter={"tagStatus": "UNTAGGED"})
        assert 4 == len(images.ids(filter={"tagStatus": "TAGGED"}))
        for ask, member, number in (
            (images.client.list_images, "imageIds", 5),
            (images.client.describe_images, "imageDetails", 4),
        ):
            found, token = [], {}
            while True:
                answer = ask(**NAMED, maxResults=2, **token)
                found += [json.dumps(each, default=str) for each in answer[member]]
                if "nextToken" not in answer:
                    break
                token = {"nextToken": answer["nextToken"]}
            assert number == len(found) == len(set(found))
        with refused("InvalidParameterException"):
            images.client.list_images(**NAMED, nextToken="x")

    @pytest.mark.parametrize(
        ("id", "code"),
        [
            ({"imageTag": "none"}, "ImageNotFound"),
            ({"imageDigest": digest_of("none")}, "ImageNotFound"),
            ({"imageDigest": "x"}, "InvalidImageDigest"),
            ({}, "MissingDigestAndTag"),
            ({"imageTag": "a", "imageDigest": digest_of("x")}, "ImageTagDoesNotMatchDigest"),
        ],
    )
    def test_what_is_not_there_is_a_failure_among_others(self, images, id, code):
        images.put(index(), "a")
        for ask in (images.client.batch_get_image, images.client.batch_delete_image):
            (failure,) = ask(**NAMED, imageIds=[id])["failures"]
            assert (code, id) == (failure["failureCode"], failure["imageId"])


class TestDelete:
    def test_a_tag_goes_alone_until_it_is_the_last(self, images):
        text = index()
        for tag in "ab":
            images.put(text, tag)
        assert [{"imageDigest": digest_of(text), "imageTag": "a"}] == images.delete({"imageTag": "a"})[
            "imageIds"
        ]
        assert {(digest_of(text), "b")} == images.ids()
        images.delete({"imageTag": "b"})
        assert set() == images.ids()

    def test_by_digest_all_tags_go(self, images):
        text = index()
        for tag in "ab":
            images.put(text, tag)
        assert 2 == len(images.delete({"imageDigest": digest_of(text)})["imageIds"])
        assert set() == images.ids()

    def test_layers_go_that_no_other_image_has(self, images):
        images.layers("config", "a", "b")
        images.put(manifest("config", "a"), "one")
        images.put(manifest("config", "b"), "two")
        images.delete({"imageTag": "one"})
        assert (True, False, True) == (images.has("config"), images.has("a"), images.has("b"))

    def test_one_that_a_list_has_stays(self, images):
        images.layers("config")
        one = manifest("config")
        images.put(one, "one")
        images.put(index(one), "list")
        (failure,) = images.delete({"imageTag": "one"})["failures"]
        assert "ImageReferencedByManifestList" == failure["failureCode"]
        images.delete({"imageTag": "list"}, {"imageTag": "one"})
        assert set() == images.ids()


class TestLayers:
    def test_whether_they_are_there(self, images):
        images.layers("a")
        told = images.client.batch_check_layer_availability(
            **NAMED, layerDigests=[digest_of("a"), digest_of("b"), "x:0"]
        )
        assert [("AVAILABLE", 1), ("UNAVAILABLE", None)] == [
            (each["layerAvailability"], each.get("layerSize")) for each in told["layers"]
        ]
        assert "InvalidLayerDigest" == told["failures"][0]["failureCode"]
        url = images.client.get_download_url_for_layer(**NAMED, layerDigest=digest_of("a"))["downloadUrl"]
        assert url.endswith(f"/v2/app/blobs/{digest_of('a')}")
        with refused("LayersNotFoundException"):
            images.client.get_download_url_for_layer(**NAMED, layerDigest=digest_of("b"))

    def test_no_layer_is_there_whose_bytes_never_came(self, images):
        upload = images.client.initiate_layer_upload(**NAMED)["uploadId"]
        with refused("NotImplemented"):
            images.client.upload_layer_part(
                **NAMED, uploadId=upload, partFirstByte=0, partLastByte=0, layerPartBlob=b"a"
            )
        with refused("InvalidLayerException"):
            images.client.complete_layer_upload(**NAMED, uploadId=upload, layerDigests=[digest_of("a")])
        with refused("UploadNotFoundException"):
            images.client.complete_layer_upload(
                **NAMED, uploadId="00000000-0000-0000-0000-000000000000", layerDigests=[digest_of("a")]
            )
        assert not images.has("a")
