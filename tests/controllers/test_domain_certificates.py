"""The files of custom domains' certificates: made, kept, made anew and removed."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509

from understudy_aws.cli.certificates import certificates_in
from understudy_aws.controllers import certificate_authority
from understudy_aws.controllers.domain_certificates import DomainCertificates

SHOP, WILD = ("shop.test", "www.shop.test"), ("*.wild.test",)


@pytest.fixture
def directory(tmp_path):
    """The directory of a state's certificates."""
    certificates_in(tmp_path, "127.0.0.1")
    return tmp_path


def kept(directory: Path, *domains: tuple[str, ...]) -> dict[tuple[str, ...], str]:
    """The texts of the certificates of domains, by names, after they were asked for by a server of its own."""
    certificates = DomainCertificates(directory)
    wanted = certificates.of(domains)
    certificates.keep(wanted)
    return {each.names: Path(each.file).read_text() for each in wanted}


def files(directory: Path) -> list[Path]:
    return list((directory / "domains").iterdir())


def test_each_domain_has_one_for_its_names_that_its_owner_alone_can_read(directory):
    texts = kept(directory, SHOP, WILD, (f"{'a.' * 124}test",))
    assert len(files(directory)) == 3
    assert {0o600} == {file.stat().st_mode & 0o777 for file in files(directory)}
    assert 0o700 == (directory / "domains").stat().st_mode & 0o777
    for names, text in texts.items():
        found = x509.load_pem_x509_certificate(text.encode())
        said = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert list(names) == said.get_values_for_type(x509.DNSName)


def test_it_is_the_same_one_after_a_restart(directory):
    before = kept(directory, SHOP)
    certificates_in(directory, "127.0.0.1")
    assert before == kept(directory, SHOP)


@pytest.mark.parametrize("spoiled", ["", "nothing", "authority", "names", "key", "about to end"])
def test_one_that_clients_would_refuse_is_made_anew(directory, spoiled, monkeypatch):
    before = kept(directory, SHOP, WILD)[SHOP]
    (file,) = (each for each in files(directory) if each.read_text() == before)
    (other,) = (each.read_text() for each in files(directory) if each != file)
    if spoiled == "authority":
        (directory / "authority.pem").unlink()
        certificates_in(directory, "127.0.0.1")
    elif spoiled == "about to end":
        with monkeypatch.context() as patch:
            patch.setattr(certificate_authority, "_SERVER_DAYS", 30)
            file.unlink()
            before = kept(directory, SHOP)[SHOP]
    else:
        cut = before.index("-----BEGIN PRIVATE")
        others_key = before[:cut] + other[other.index("-----BEGIN PRIVATE") :]
        file.write_text({"names": other, "key": others_key}.get(spoiled, spoiled))
    after = kept(directory, SHOP)[SHOP]
    assert after not in (before, other, spoiled)
    assert after == kept(directory, SHOP)[SHOP]


def test_those_of_domains_that_are_gone_are_removed(directory):
    kept(directory, SHOP, WILD)
    kept(directory, WILD)
    assert len(files(directory)) == 1
    kept(directory)
    assert files(directory) == []


@pytest.mark.parametrize("text", [None, "nothing"])
def test_without_an_authority_it_is_said_that_none_can_be_made(directory, caplog, text):
    authority = directory / "authority.pem"
    authority.unlink()
    if text is not None:
        authority.write_text(text)
    certificates = DomainCertificates(directory)
    certificates.keep(certificates.of([SHOP]))
    assert "The certificates of custom domains can't be made" in caplog.text
    assert str(authority) in caplog.text
