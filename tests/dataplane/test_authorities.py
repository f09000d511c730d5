"""What programs of instances trust when the server speaks TLS."""

from __future__ import annotations

import pytest

from understudy_aws.cli.certificates import certificates_in
from understudy_aws.controllers.authorities import authorities_in
from understudy_aws.dataplane.runtime.artifacts import Artifacts
from understudy_aws.dataplane.runtime.authorities import AUTHORITY, BUNDLE, authority_files
from understudy_aws.dataplane.runtime.driver import Place
from understudy_aws.dataplane.runtime.views import view_of
from understudy_aws.dataplane.wanted_services import Program

KNOWN = "-----BEGIN CERTIFICATE-----\nknown\n-----END CERTIFICATE-----\n"
OWN = "-----BEGIN CERTIFICATE-----\nown\n-----END CERTIFICATE-----\n"
PLACE = Place(network="1", address="10.0.0.4", resolver="", spool="")


@pytest.fixture
def image(tmp_path):
    """The root of an image with a bundle, and what lies beside it."""
    (tmp_path / "secret").write_text(KNOWN.replace("known", "secret"))
    certificates = tmp_path / "root" / "etc" / "ssl" / "certs"
    certificates.mkdir(parents=True)
    (certificates / "ca-certificates.crt").write_text(KNOWN)
    return tmp_path / "root"


def test_a_program_trusts_what_its_image_does_and_the_authority(image):
    assert {AUTHORITY: OWN, BUNDLE: f"{KNOWN}{OWN}"} == authority_files(OWN, image)


def test_a_bundle_that_leads_out_of_the_image_is_not_read(image):
    bundle = image / "etc" / "ssl" / "certs" / "ca-certificates.crt"
    bundle.unlink()
    bundle.symlink_to("../../../../secret")
    assert "secret" not in authority_files(OWN, image)[BUNDLE]


def test_a_file_without_certificates_is_no_bundle(image):
    (image / "etc" / "ssl" / "certs" / "ca-certificates.crt").write_bytes(b"\xff\0")
    assert authority_files(OWN, image)[BUNDLE].endswith(OWN)


def test_variables_that_the_user_sets_stay(tmp_path):
    program = Program(command=("true",), environment=(("SSL_CERT_FILE", "/mine"),), authority=OWN)
    view = view_of(program, Artifacts(tmp_path), tmp_path, PLACE, "ip-10-0-0-4")
    assert ("/mine", f"/etc/{BUNDLE}", f"/etc/{BUNDLE}", f"/etc/{AUTHORITY}") == tuple(
        view.environment[name]
        for name in ("SSL_CERT_FILE", "AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
    )
    assert view.files[AUTHORITY] == OWN


def test_without_tls_nothing_is_changed(tmp_path):
    view = view_of(Program(command=("true",)), Artifacts(tmp_path), tmp_path, PLACE, "ip-10-0-0-4")
    assert {AUTHORITY, BUNDLE}.isdisjoint(view.files)
    assert {"SSL_CERT_FILE", "AWS_CA_BUNDLE"}.isdisjoint(view.environment)


def test_no_key_is_read_with_the_authority(tmp_path):
    made = certificates_in(tmp_path, "127.0.0.1")
    found = authorities_in(str(tmp_path / "authority.pem"))
    assert "PRIVATE KEY" in (tmp_path / "authority.pem").read_text()
    assert found == made.authority.read_text()
    assert "" == authorities_in(str(tmp_path / "gone"))
