"""Layers and manifests over the registry's HTTP API, on a real server, and by skopeo (registry.md 24.3)."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import os
import shutil
import signal
import subprocess
import tarfile
from io import BytesIO
from pathlib import Path

import boto3
import pytest
from served_account import REGION, ServedAccount

pytestmark = pytest.mark.system

ACCOUNT = "000000000000"
IMAGE = "application/vnd.oci.image.manifest.v1+json"
LARGE = 48 * 1024 * 1024


def digest_of(data):
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


class Registry:
    """A connection to the registry, with the token of a caller."""

    def __init__(self, account, ecr=None) -> None:
        self.account = account
        self.ecr = ecr or account.client("ecr")
        given = self.ecr.get_authorization_token()["authorizationData"][0]
        self.headers = {"Authorization": f"Basic {given['authorizationToken']}"}
        self.host = account.server.said["endpoint"].rpartition("/")[2]

    def ask(self, method, path, body=None, **headers):
        connection = http.client.HTTPConnection(self.host, timeout=30)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, {**self.headers, **named})
            answer = connection.getresponse()
            return answer.status, dict(answer.headers), answer.read()
        finally:
            connection.close()

    def code(self, *asked, **headers):
        status, _, body = self.ask(*asked, **headers)
        return status, json.loads(body)["errors"][0]["code"]

    def begin(self, repository="app"):
        status, headers, _ = self.ask("POST", f"/v2/{repository}/blobs/uploads/")
        assert 202 == status
        return headers["Location"]

    def push(self, data, repository="app"):
        place = self.begin(repository)
        assert 202 == self.ask("PATCH", place, data)[0]
        status, headers, _ = self.ask("PUT", f"{place}?digest={digest_of(data)}")
        assert (201, digest_of(data)) == (status, headers["Docker-Content-Digest"])
        return digest_of(data)

    def push_image(self, *layers, tag="first", repository="app"):
        config = b"{}"
        held = [
            {"mediaType": "x", "digest": self.push(each, repository), "size": len(each)}
            for each in (config, *layers)
        ]
        text = json.dumps({"schemaVersion": 2, "mediaType": IMAGE, "config": held[0], "layers": held[1:]})
        answer = self.ask("PUT", f"/v2/{repository}/manifests/{tag}", text, Content_Type=IMAGE)
        assert 201 == answer[0], answer
        return text.encode()


@pytest.fixture(scope="module")
def account(tmp_path_factory):
    home = tmp_path_factory.mktemp("registry")
    made = ServedAccount(home, state=str(home / "state"))
    made.files = home / "state" / "registry"
    made.client("ecr").create_repository(repositoryName="app")
    yield made
    made.close()


@pytest.fixture
def registry(account):
    return Registry(account)


def as_user(account, name, *actions):
    """A client of a new user's, who may do this."""
    iam = account.client("iam")
    iam.create_user(UserName=name)
    statement = {"Effect": "Allow", "Action": [f"ecr:{each}" for each in actions], "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return boto3.client(
        "ecr",
        region_name=REGION,
        endpoint_url=account.server.said["endpoint"],
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )


class TestPushAndPull:
    def test_an_image_comes_back_byte_by_byte(self, registry):
        layer = os.urandom(300_000)
        text = registry.push_image(layer)
        for reference in ("first", digest_of(text)):
            status, headers, body = registry.ask("GET", f"/v2/app/manifests/{reference}")
            assert (200, text, IMAGE) == (status, body, headers["Content-Type"])
            assert digest_of(text) == headers["Docker-Content-Digest"]
        status, headers, body = registry.ask("HEAD", "/v2/app/manifests/first")
        assert (200, str(len(text)), b"") == (status, headers["Content-Length"], body)
        status, headers, body = registry.ask("HEAD", f"/v2/app/blobs/{digest_of(layer)}")
        assert (200, "300000", b"") == (status, headers["Content-Length"], body)
        assert layer == registry.ask("GET", f"/v2/app/blobs/{digest_of(layer)}")[2]
        (told,) = registry.ecr.describe_images(repositoryName="app", imageIds=[{"imageTag": "first"}])[
            "imageDetails"
        ]
        assert (digest_of(text), 300_002) == (told["imageDigest"], told["imageSizeInBytes"])

    def test_a_layer_comes_in_parts(self, registry):
        data = os.urandom(100_000)
        place = registry.begin()
        assert "0-59999" == registry.ask("PATCH", place, data[:60_000])[1]["Range"]
        assert 416 == registry.ask("PATCH", place, data[60_000:], Content_Range="0-39999")[0]
        status, headers, _ = registry.ask("GET", place)
        assert (204, "0-59999") == (status, headers["Range"])
        ended = registry.ask(
            "PUT", f"{place}?digest={digest_of(data)}", data[60_000:], Content_Range="60000-99999"
        )
        assert 201 == ended[0], ended
        assert data == registry.ask("GET", f"/v2/app/blobs/{digest_of(data)}")[2]

    def test_a_part_may_be_chunked(self, registry):
        data = os.urandom(50_000)
        place = registry.begin()
        assert (
            202
            == registry.ask("PATCH", place, (data[at : at + 10_000] for at in range(0, 50_000, 10_000)))[0]
        )
        assert 201 == registry.ask("PUT", f"{place}?digest={digest_of(data)}")[0]

    def test_an_empty_layer(self, registry):
        place = registry.begin()
        assert 201 == registry.ask("PUT", f"{place}?digest={digest_of(b'')}")[0]
        status, headers, _ = registry.ask("GET", f"/v2/app/blobs/{digest_of(b'')}")
        assert (200, "0") == (status, headers["Content-Length"])

    def test_bytes_with_another_digest_are_no_layer(self, registry):
        place, digest = registry.begin(), digest_of(b"expected")
        registry.ask("PATCH", place, b"something else")
        assert (400, "DIGEST_INVALID") == registry.code("PUT", f"{place}?digest={digest}")
        assert (400, "DIGEST_INVALID") == registry.code("PUT", f"{place}?digest=md5:x")
        assert (404, "BLOB_UNKNOWN") == registry.code("GET", f"/v2/app/blobs/{digest}")

    def test_an_upload_can_be_given_up(self, registry):
        place = registry.begin()
        assert 204 == registry.ask("DELETE", place)[0]
        assert (404, "BLOB_UPLOAD_UNKNOWN") == registry.code("GET", place)
        assert 404 == registry.ask("PATCH", place, b"a")[0]

    def test_tags_are_listed_page_by_page(self, registry):
        registry.ecr.create_repository(repositoryName="tags")
        for tag in "cab":
            registry.push_image(tag=tag, repository="tags")
        status, headers, body = registry.ask("GET", "/v2/tags/tags/list?n=2")
        assert (200, {"name": "tags", "tags": ["a", "b"]}) == (status, json.loads(body))
        following = headers["Link"].partition(">")[0].removeprefix("<")
        _, headers, body = registry.ask("GET", following)
        assert ["c"] == json.loads(body)["tags"]
        assert "Link" not in headers

    def test_the_same_layer_is_one_file(self, account, registry):
        registry.ecr.create_repository(repositoryName="other")
        layer = os.urandom(1000)
        for repository in ("app", "other"):
            registry.push(layer, repository)
        files = [
            path for path in account.files.rglob("*") if path.name == digest_of(layer).removeprefix("sha256:")
        ]
        assert 1 == len(files)
        assert layer == registry.ask("GET", f"/v2/other/blobs/{digest_of(layer)}")[2]
        registry.ecr.delete_repository(repositoryName="other", force=True)
        assert layer == registry.ask("GET", f"/v2/app/blobs/{digest_of(layer)}")[2]
        assert 404 == registry.ask("GET", f"/v2/other/blobs/{digest_of(layer)}")[0]

    def test_a_repository_may_have_the_name_it_has_at_aws(self, registry):
        host = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
        text = registry.push_image(tag="named", repository=f"{host}/app")
        assert text == registry.ask("GET", "/v2/app/manifests/named")[2]
        assert (
            text
            == registry.ask("GET", "/v2/app/manifests/named", Host=f"{ACCOUNT}.dkr.ecr.{REGION}.localhost:1")[
                2
            ]
        )
        assert (404, "NAME_UNKNOWN") == registry.code(
            "GET", "/v2/app/manifests/named", Host=f"{ACCOUNT}.dkr.ecr.eu-west-1.localhost"
        )


class TestWho:
    def test_a_token_is_needed(self, registry):
        registry.headers = {}
        for method, path in (
            ("GET", "/v2/"),
            ("GET", "/v2/app/tags/list"),
            ("POST", "/v2/app/blobs/uploads/"),
        ):
            status, headers, body = registry.ask(method, path)
            assert (401, "UNAUTHORIZED") == (status, json.loads(body)["errors"][0]["code"])
            assert headers["WWW-Authenticate"].startswith("Basic realm=")
        for wrong in ("AWS:x", "x:y", "x"):
            registry.headers = {"Authorization": f"Basic {base64.b64encode(wrong.encode()).decode()}"}
            assert 401 == registry.ask("GET", "/v2/")[0]

    def test_docker_s_first_question(self, registry):
        status, headers, _ = registry.ask("GET", "/v2/")
        assert (200, "registry/2.0") == (status, headers["Docker-Distribution-Api-Version"])

    def test_a_stranger_s_layer_is_refused_before_it_comes(self, account, registry):
        """What it says of its length is never sent: the answer comes all the same."""
        place = registry.begin()
        connection = http.client.HTTPConnection(registry.host, timeout=30)
        connection.putrequest("PATCH", place)
        connection.putheader("Content-Length", str(LARGE))
        connection.endheaders()
        assert 401 == connection.getresponse().status
        connection.close()

    def test_each_step_takes_its_permission(self, account, registry):
        layer = os.urandom(100)
        registry.push_image(layer, tag="permissions")
        place, blob = registry.begin(), f"/v2/app/blobs/{digest_of(layer)}"
        nobody = Registry(account, as_user(account, "nobody", "GetAuthorizationToken"))
        for action, method, path, body in (
            ("BatchGetImage", "GET", "/v2/app/manifests/permissions", None),
            ("GetDownloadUrlForLayer", "GET", blob, None),
            ("InitiateLayerUpload", "POST", "/v2/app/blobs/uploads/", None),
            ("UploadLayerPart", "PATCH", place, b"a"),
            ("UploadLayerPart", "PUT", f"{place}?digest={digest_of(b'')}", None),
            ("PutImage", "PUT", "/v2/app/manifests/x", b"{}"),
            ("ListImages", "GET", "/v2/app/tags/list", None),
            ("BatchDeleteImage", "DELETE", "/v2/app/manifests/permissions", None),
        ):
            status, _, said = nobody.ask(method, path, body)
            told = json.loads(said)["errors"][0]
            assert (403, "DENIED") == (status, told["code"])
            assert (
                f"user/nobody is not authorized to perform: ecr:{action} on resource: arn:aws:ecr"
                in told["message"]
            )
        assert 403 == nobody.ask("HEAD", blob)[0]
        pulling = as_user(
            account, "puller", "GetAuthorizationToken", "BatchGetImage", "GetDownloadUrlForLayer"
        )
        puller = Registry(account, pulling)
        assert 200 == puller.ask("GET", "/v2/app/manifests/permissions")[0]
        assert layer == puller.ask("GET", blob)[2]
        uploading = as_user(account, "uploader", "GetAuthorizationToken", "UploadLayerPart")
        uploader = Registry(account, uploading)
        assert 202 == uploader.ask("PATCH", place, b"a")[0]
        assert (403, "DENIED") == uploader.code("PUT", f"{place}?digest={digest_of(b'a')}")
        assert 404 == registry.ask("HEAD", f"/v2/app/blobs/{digest_of(b'a')}")[0]

    def test_a_key_that_is_gone_takes_its_token_along(self, account):
        iam = account.client("iam")
        client = Registry(account, as_user(account, "leaving", "GetAuthorizationToken"))
        assert 200 == client.ask("GET", "/v2/")[0]
        (key,) = iam.list_access_keys(UserName="leaving")["AccessKeyMetadata"]
        iam.delete_access_key(UserName="leaving", AccessKeyId=key["AccessKeyId"])
        assert 401 == client.ask("GET", "/v2/")[0]

    def test_the_trail_has_every_step_and_no_token(self, account, registry):
        registry.push_image(tag="trail")
        registry.ask("GET", "/v2/app/manifests/trail")
        told = account.understudy("trail", "--json")
        for operation in (
            "InitiateLayerUpload",
            "UploadLayerPart",
            "CompleteLayerUpload",
            "PutImage",
            "BatchGetImage",
        ):
            assert operation in told
        assert "127.0.0.1" in told
        token = registry.headers["Authorization"].partition(" ")[2]
        assert token not in told
        assert base64.b64decode(token).decode().partition(":")[2] not in told


class TestErrors:
    @pytest.mark.parametrize(
        ("asked", "expected"),
        [
            (("GET", "/v2/none/manifests/a"), (404, "NAME_UNKNOWN")),
            (("GET", "/v2/app/manifests/none"), (404, "MANIFEST_UNKNOWN")),
            (("POST", "/v2/none/blobs/uploads/"), (404, "NAME_UNKNOWN")),
            (("PUT", "/v2/app/manifests/a", b"no json"), (400, "MANIFEST_INVALID")),
            (("PUT", "/v2/app/manifests/a", b"\xff"), (400, "MANIFEST_INVALID")),
            (("PUT", "/v2/app/manifests/a", b"{" + b" " * 4_200_000), (413, "SIZE_INVALID")),
            (("GET", "/v2/_catalog"), (404, "UNSUPPORTED")),
            (("GET", "/v2/app/manifests/../../x"), (404, "UNSUPPORTED")),
            (("GET", "/v2/app/blobs/sha256:%2e%2e"), (404, "UNSUPPORTED")),
            (("DELETE", f"/v2/app/blobs/sha256:{'a' * 64}"), (405, "UNSUPPORTED")),
            (("DELETE", "/v2/app/manifests/none"), (404, "MANIFEST_UNKNOWN")),
        ],
    )
    def test_they_are_those_of_registries(self, registry, asked, expected):
        assert expected == registry.code(*asked)

    def test_layers_must_come_before_the_image(self, registry):
        missing = {"mediaType": "x", "digest": digest_of(b"missing"), "size": 7}
        text = json.dumps({"schemaVersion": 2, "mediaType": IMAGE, "config": missing, "layers": []})
        assert (404, "BLOB_UNKNOWN") == registry.code("PUT", "/v2/app/manifests/a", text)

    def test_a_tag_that_is_immutable(self, registry):
        registry.ecr.create_repository(repositoryName="fixed", imageTagMutability="IMMUTABLE")
        text = registry.push_image(b"a", tag="v1", repository="fixed")
        assert 201 == registry.ask("PUT", "/v2/fixed/manifests/v1", text)[0]
        registry.push(b"b", "fixed")
        other = json.loads(text) | {"layers": [{"mediaType": "x", "digest": digest_of(b"b"), "size": 1}]}
        assert (400, "TAG_INVALID") == registry.code("PUT", "/v2/fixed/manifests/v1", json.dumps(other))

    def test_other_bodies_are_as_bounded_as_before(self, registry):
        for path in ("/", "/v2/app/manifests/a"):
            assert 413 == registry.ask("PUT", path, b" " * (10 * 1024 * 1024 + 1))[0]


def resident(pid):
    """The kilobytes of memory that a process has had at most."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    return 0


def test_large_layers_are_never_in_memory(account, registry):
    """Five uploads and downloads at once would take five times as much as the server may grow."""
    before = resident(account.server.process.pid)
    data = os.urandom(1024) * (LARGE // 1024)
    digest = registry.push(data)
    connections = []
    for _ in range(5):
        connection = http.client.HTTPConnection(registry.host, timeout=60)
        connection.request("GET", f"/v2/app/blobs/{digest}", headers=registry.headers)
        connections.append(connection)
    for connection in connections:
        found, answer = hashlib.sha256(), connection.getresponse()
        while piece := answer.read(1 << 20):
            found.update(piece)
        assert digest == f"sha256:{found.hexdigest()}"
        connection.close()
    assert resident(account.server.process.pid) - before < LARGE // 1024 // 2


def test_what_was_acknowledged_outlives_a_kill(tmp_path):
    """After the kill a layer is there as a whole, and an upload goes on from where it was."""
    state = tmp_path / "state"
    account = ServedAccount(tmp_path, state=str(state))
    try:
        account.client("ecr").create_repository(repositoryName="app")
        registry = Registry(account)
        data = os.urandom(200_000)
        text = registry.push_image(data)
        place = registry.begin()
        registry.ask("PATCH", place, data[:100_000])
        account.server.process.send_signal(signal.SIGKILL)
        account.server.process.wait(timeout=30)
    finally:
        account.close()
    again = ServedAccount(tmp_path, state=str(state))
    try:
        registry.host = again.server.said["endpoint"].rpartition("/")[2]
        assert text == registry.ask("GET", "/v2/app/manifests/first")[2]
        assert data == registry.ask("GET", f"/v2/app/blobs/{digest_of(data)}")[2]
        assert "0-99999" == registry.ask("GET", place)[1]["Range"]
        ended = registry.ask("PUT", f"{place}?digest={digest_of(data)}", data[100_000:])
        assert 201 == ended[0]
    finally:
        again.close()


@pytest.mark.skipif(shutil.which("skopeo") is None, reason="skopeo is not installed")
class TestSkopeo:
    @pytest.fixture
    def image(self, tmp_path):
        """An image of one file, as a directory in OCI's layout."""
        content = BytesIO()
        with tarfile.open(fileobj=content, mode="w") as archive:
            told = tarfile.TarInfo("hello")
            told.size = 5
            archive.addfile(told, BytesIO(b"hello"))
        layer = content.getvalue()
        config = {
            "architecture": "amd64",
            "os": "linux",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": [digest_of(layer)]},
        }
        place = tmp_path / "image"
        (place / "blobs" / "sha256").mkdir(parents=True)

        def kept(data, kind):
            (place / "blobs" / "sha256" / digest_of(data).removeprefix("sha256:")).write_bytes(data)
            return {
                "mediaType": f"application/vnd.oci.image.{kind}",
                "digest": digest_of(data),
                "size": len(data),
            }

        manifest = {
            "schemaVersion": 2,
            "config": kept(json.dumps(config).encode(), "config.v1+json"),
            "layers": [kept(layer, "layer.v1.tar")],
        }
        listed = kept(json.dumps(manifest).encode(), "manifest.v1+json")
        listed["annotations"] = {"org.opencontainers.image.ref.name": "latest"}
        (place / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
        (place / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [listed]}))
        return place

    @staticmethod
    def skopeo(home, *arguments, fails=False, **more):
        done = subprocess.run(
            ["skopeo", "--insecure-policy", *arguments],
            env={"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(home)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            **more,
        )
        assert fails is (done.returncode != 0), done.stderr
        return done.stdout + done.stderr

    def test_an_image_is_pushed_looked_at_and_pulled(self, account, registry, image, tmp_path):
        """With the password of `aws ecr get-login-password`, as people do it."""
        password = account.aws("ecr", "get-login-password").stdout.strip()
        login = ["login", "--tls-verify=false", "--username=AWS", "--password-stdin", registry.host]
        authority = f"--authfile={tmp_path}/auth.json"
        self.skopeo(tmp_path, *login[:1], authority, *login[1:], input=password)
        there = f"docker://{registry.host}/app:skopeo"
        self.skopeo(tmp_path, "copy", authority, "--dest-tls-verify=false", f"oci:{image}:latest", there)
        told = json.loads(self.skopeo(tmp_path, "inspect", authority, "--tls-verify=false", there))
        assert "skopeo" in told["RepoTags"]
        (found,) = registry.ecr.describe_images(repositoryName="app", imageIds=[{"imageTag": "skopeo"}])[
            "imageDetails"
        ]
        assert told["Digest"] == found["imageDigest"]
        back = tmp_path / "back"
        self.skopeo(tmp_path, "copy", authority, "--src-tls-verify=false", there, f"dir:{back}")
        layer = json.loads((back / "manifest.json").read_text())["layers"][0]["digest"].removeprefix(
            "sha256:"
        )
        with tarfile.open(fileobj=BytesIO((back / layer).read_bytes())) as archive:
            assert b"hello" == archive.extractfile("hello").read()
        self.skopeo(tmp_path, "delete", authority, "--tls-verify=false", there)
        assert (404, "MANIFEST_UNKNOWN") == registry.code("GET", "/v2/app/manifests/skopeo")

    def test_who_may_not_is_told_in_the_words_of_iam(self, account, registry, image, tmp_path):
        ecr = as_user(account, "visitor", "GetAuthorizationToken", "BatchCheckLayerAvailability")
        token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
        credentials = base64.b64decode(token).decode()
        there = f"docker://{registry.host}/app:denied"
        told = self.skopeo(
            tmp_path,
            "copy",
            f"--dest-creds={credentials}",
            "--dest-tls-verify=false",
            f"oci:{image}:latest",
            there,
            fails=True,
        )
        assert (
            "user/visitor is not authorized to perform: ecr:InitiateLayerUpload on resource: arn:aws:ecr"
            in told
        )
