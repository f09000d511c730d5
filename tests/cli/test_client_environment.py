"""The environment in which a client talks to us and to nobody else."""

from __future__ import annotations

from pathlib import Path

from understudy_aws.cli.client_environment import inside, made, to_set, to_unset, trusting
from understudy_aws.cli.server_files import Keys

KEYS = Keys("AKIAEXAMPLE", "secret")
ENDPOINT = "http://127.0.0.1:4566"


def test_endpoint_keys_and_region_are_set():
    assert {
        "AWS_ENDPOINT_URL": ENDPOINT,
        "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    } == to_set(ENDPOINT, KEYS, {})


def test_a_region_that_is_set_stays_under_both_names():
    variables = to_set(ENDPOINT, KEYS, {"AWS_DEFAULT_REGION": "eu-west-1"})
    assert ("eu-west-1", "eu-west-1") == (variables["AWS_REGION"], variables["AWS_DEFAULT_REGION"])
    variables = to_set(ENDPOINT, KEYS, {"AWS_REGION": "eu-west-2", "AWS_DEFAULT_REGION": "eu-west-1"})
    assert ("eu-west-2", "eu-west-1") == (variables["AWS_REGION"], variables["AWS_DEFAULT_REGION"])


def test_what_would_lead_a_client_elsewhere_is_taken_away():
    environment = made(
        ENDPOINT,
        KEYS,
        {
            "AWS_PROFILE": "work",
            "AWS_SESSION_TOKEN": "t",
            "AWS_ENDPOINT_URL_IAM": "https://iam.amazonaws.com",
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
            "PATH": "/bin",
        },
    )
    assert "/bin" == environment["PATH"]
    assert not {
        "AWS_PROFILE",
        "AWS_SESSION_TOKEN",
        "AWS_ENDPOINT_URL_IAM",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    } & set(environment)


def test_service_endpoints_are_named_for_unsetting():
    assert "AWS_ENDPOINT_URL_EC2" in to_unset({"AWS_ENDPOINT_URL_EC2": "x"})
    assert "AWS_ENDPOINT_URL" not in to_unset({"AWS_ENDPOINT_URL": "x"})


def test_a_proxy_is_not_asked_for_this_machine():
    variables = to_set(ENDPOINT, KEYS, {"https_proxy": "http://proxy:3128", "no_proxy": "corp"})
    assert "corp,127.0.0.1,localhost,::1" == variables["no_proxy"]
    assert "127.0.0.1,localhost,::1" == variables["NO_PROXY"]


def test_a_program_inside_finds_the_apis_where_they_are():
    apis = {"AWS_ENDPOINT_URL": "https://198.18.255.1", "AWS_ENDPOINT_URL_STS": "https://sts.example"}
    shell = {
        "AWS_ENDPOINT_URL": ENDPOINT,
        "AWS_ENDPOINT_URL_EC2": ENDPOINT,
        "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
    }
    found = inside(shell, apis, trusting(shell, "", Path("/run")))
    assert found == {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", **apis}


def test_where_somebody_names_authorities_they_are_trusted_besides(tmp_path):
    """A file without any leads to what the machine trusts, and what is no file is none. A key stays where it is."""
    corp = "-----BEGIN CERTIFICATE-----\ncorp\n-----END CERTIFICATE-----\n"
    key = "-----BEGIN PRIVATE KEY-----\nkey\n-----END PRIVATE KEY-----\n"
    (tmp_path / "corp.pem").write_text(f"# ours\n{corp}{key}{corp}")
    shell = {
        "SSL_CERT_FILE": str(tmp_path / "corp.pem"),
        "CURL_CA_BUNDLE": str(tmp_path),
        "AWS_CA_BUNDLE": "",
    }
    found = trusting(shell, "own\n", Path("/run"))
    texts = {name: found.files[Path(path).name] for name, path in found.variables.items()}
    assert texts["SSL_CERT_FILE"] == f"{corp}{corp}own\n"
    assert texts["NODE_EXTRA_CA_CERTS"] == "own\n"
    for name in ("CURL_CA_BUNDLE", "AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
        assert texts[name] == found.files["understudy-authorities.pem"]
        assert texts[name].endswith("own\n")
    assert {str(Path(path).parent) for path in found.variables.values()} == {"/run"}
