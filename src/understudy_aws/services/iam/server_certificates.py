"""Server certificates of an account (credentials.md 30.4)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from msgspec.structs import replace

from understudy_aws.core.answers import Answer
from understudy_aws.core.arn import iam
from understudy_aws.core.errors import ApiError
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import operation
from understudy_aws.services.iam import certificates, errors, tags
from understudy_aws.services.iam.listings import after, listing, tags_listed
from understudy_aws.services.iam.tags import merged
from understudy_aws.store.tables import Record, Table

CERTIFICATES_PER_ACCOUNT = 20


class ServerCertificate(Record, frozen=True, kw_only=True):
    """A certificate with its chain. Its private key is checked when it comes, and not kept: nothing serves with it."""

    account: str
    name: str
    id: str
    path: str
    body: str
    created: datetime
    expires: datetime
    chain: str = ""
    tags: tags.Tags = ()

    @property
    def arn(self) -> str:
        return iam(self.account, f"server-certificate{self.path}{self.name}")


server_certificates = Table(
    "iam/server-certificate",
    ServerCertificate,
    key=lambda certificate: (certificate.account, certificate.name.lower()),
)


def _find(call: Call, name: str) -> ServerCertificate | None:
    return server_certificates.get(call.tx, call.account, name.lower())


def _existing(call: Call, name: str) -> ServerCertificate:
    certificate = _find(call, name)
    if certificate is None:
        raise ApiError("NoSuchEntity", f"The Server Certificate with name {name} cannot be found.", 404)
    return certificate


def a_certificate(call: Call, params: Params) -> Sequence[Target]:
    """Return the certificate of that name, with its tags."""
    name = params["server_certificate_name"]
    known = _find(call, name)
    arn = known.arn if known else iam(call.account, f"server-certificate/{name}")
    kept = tags.resource_keys(known.tags) if known else {}
    return [Target(arn, {**kept, **tags.request_keys(params)})]


def a_certificate_and_its_new_name(call: Call, params: Params) -> Sequence[Target]:
    """Return the certificate under its old and its new name. Renaming and moving take the permission on both."""
    (target,) = a_certificate(call, params)
    known = _find(call, params["server_certificate_name"])
    path = params.get("new_path") or (known.path if known else "/")
    name = params.get("new_server_certificate_name") or params["server_certificate_name"]
    return [target, replace(target, resource=iam(call.account, f"server-certificate{path}{name}"))]


def a_new_certificate(call: Call, params: Params) -> Sequence[Target]:
    """Return the certificate under the ARN it will have. Tags take a permission of their own."""
    arn = iam(
        call.account, f"server-certificate{params.get('path') or '/'}{params['server_certificate_name']}"
    )
    target = Target(arn, tags.request_keys(params))
    return [target, replace(target, action="iam:TagServerCertificate")] if params.get("tags") else [target]


def certificates_under(call: Call, params: Params) -> Sequence[Target]:
    return [Target(iam(call.account, f"server-certificate{params.get('path_prefix') or '/'}"))]


@operation("iam:UploadServerCertificate", on=a_new_certificate)
def upload_server_certificate(
    call: Call,
    *,
    server_certificate_name: str,
    certificate_body: str,
    private_key: str,
    certificate_chain: str | None = None,
    path: str | None = None,
    tags: list[dict[str, str]] | None = None,
) -> Answer:
    """Take a certificate whose private key and chain agree with it."""
    kept = merged((), tags, ignore_case=False)
    parsed = certificates.server_certificate(certificate_body, private_key, certificate_chain, call.at)
    if _find(call, server_certificate_name) is not None:
        raise _exists(server_certificate_name)
    if server_certificates.count(call.tx, call.account) >= CERTIFICATES_PER_ACCOUNT:
        raise errors.quota("ServerCertificatesPerAccount", CERTIFICATES_PER_ACCOUNT)
    certificate = ServerCertificate(
        account=call.account,
        name=server_certificate_name,
        id=call.ids.iam("ASCA"),
        path=path or "/",
        body=certificate_body.strip(),
        created=call.at,
        expires=parsed.not_valid_after_utc,
        chain=(certificate_chain or "").strip(),
        tags=kept,
    )
    server_certificates.put(call.tx, certificate)
    return {"ServerCertificateMetadata": _metadata(certificate), "Tags": _shown(certificate) or None}


@operation("iam:GetServerCertificate", on=a_certificate)
def get_server_certificate(call: Call, *, server_certificate_name: str) -> Answer:
    """Return a certificate with its chain."""
    certificate = _existing(call, server_certificate_name)
    return {
        "ServerCertificate": {
            "ServerCertificateMetadata": _metadata(certificate),
            "CertificateBody": certificate.body,
            "CertificateChain": certificate.chain or None,
            "Tags": _shown(certificate),
        }
    }


@operation("iam:ListServerCertificates", on=certificates_under)
def list_server_certificates(
    call: Call, *, path_prefix: str | None = None, marker: str | None = None, max_items: int | None = None
) -> Answer:
    """List the certificates of the account by name."""
    prefix = path_prefix or "/"
    scope = f"ListServerCertificates:{prefix}"
    found = (
        certificate
        for certificate in server_certificates.scan(
            call.tx, call.account, after=after(marker, scope, account=call.account)
        )
        if certificate.path.startswith(prefix)
    )
    return listing(
        "ServerCertificateMetadataList",
        found,
        _metadata,
        key=server_certificates.key,
        scope=scope,
        max_items=max_items,
    )


@operation("iam:UpdateServerCertificate", on=a_certificate_and_its_new_name)
def update_server_certificate(
    call: Call,
    *,
    server_certificate_name: str,
    new_path: str | None = None,
    new_server_certificate_name: str | None = None,
) -> None:
    """Rename a certificate or change its path. Its id and its tags stay."""
    certificate = _existing(call, server_certificate_name)
    name = new_server_certificate_name or certificate.name
    other = _find(call, name)
    if other is not None and other.id != certificate.id:
        raise _exists(name)
    server_certificates.delete(call.tx, certificate)
    server_certificates.put(
        call.tx, msgspec.structs.replace(certificate, name=name, path=new_path or certificate.path)
    )


@operation("iam:DeleteServerCertificate", on=a_certificate)
def delete_server_certificate(call: Call, *, server_certificate_name: str) -> None:
    """Delete a certificate."""
    server_certificates.delete(call.tx, _existing(call, server_certificate_name))


@operation("iam:TagServerCertificate", on=a_certificate)
def tag_server_certificate(call: Call, *, server_certificate_name: str, tags: list[dict[str, str]]) -> None:
    """Add tags. They replace those of the same key."""
    certificate = _existing(call, server_certificate_name)
    if not tags:
        raise errors.no_tags()
    kept = merged(certificate.tags, tags, ignore_case=False)
    server_certificates.put(call.tx, msgspec.structs.replace(certificate, tags=kept))


@operation("iam:UntagServerCertificate", on=a_certificate)
def untag_server_certificate(call: Call, *, server_certificate_name: str, tag_keys: list[str]) -> None:
    """Remove tags."""
    certificate = _existing(call, server_certificate_name)
    if not tag_keys:
        raise errors.no_tag_keys()
    kept = tags.without(certificate.tags, tag_keys, ignore_case=False)
    server_certificates.put(call.tx, msgspec.structs.replace(certificate, tags=kept))


@operation("iam:ListServerCertificateTags", on=a_certificate)
def list_server_certificate_tags(
    call: Call, *, server_certificate_name: str, marker: str | None = None, max_items: int | None = None
) -> Answer:
    """List a certificate's tags."""
    return tags_listed(
        _existing(call, server_certificate_name).tags, "ListServerCertificateTags", marker, max_items
    )


def _exists(name: str) -> ApiError:
    return errors.exists(f"The Server Certificate with name {name} already exists.")


def _shown(certificate: ServerCertificate) -> list[dict[str, str]]:
    return tags.listed(certificate.tags)


def _metadata(certificate: ServerCertificate) -> Answer:
    return {
        "Path": certificate.path,
        "ServerCertificateName": certificate.name,
        "ServerCertificateId": certificate.id,
        "Arn": certificate.arn,
        "UploadDate": certificate.created,
        "Expiration": certificate.expires,
    }
