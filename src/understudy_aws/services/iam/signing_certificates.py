"""Signing certificates of users (credentials.md 30.4)."""

from __future__ import annotations

from typing import cast

import msgspec

from understudy_aws.core.answers import Answer
from understudy_aws.core.errors import ApiError
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import operation
from understudy_aws.services.iam import certificates, errors
from understudy_aws.services.iam.credential_records import (
    SigningCertificate,
    Status,
    signing_certificates,
)
from understudy_aws.services.iam.listings import sorted_listing
from understudy_aws.services.iam.users import User, a_user, named_or_calling

CERTIFICATES_PER_USER = 2


@operation("iam:UploadSigningCertificate", on=a_user)
def upload_signing_certificate(call: Call, *, certificate_body: str, user_name: str | None = None) -> Answer:
    """Give a user a certificate. One that the user has already stays as it is, though the answer says Active."""
    user = named_or_calling(call, user_name)
    parsed = certificates.read(certificate_body)
    if parsed is None or not certificates.is_valid_at(parsed, call.at):
        raise errors.malformed_certificate(f"Certificate {certificate_body} is malformed.")
    id = certificates.fingerprint(parsed)
    known = signing_certificates.get(call.tx, user.account, id)
    if known is not None:
        if known.user != user.name.lower():
            raise ApiError("DuplicateCertificate", "Duplicate certificate uploaded.", 409)
        return {"Certificate": {**_described(user, known), "Status": "Active"}}
    owned = signing_certificates.count_where(call.tx, "by_user", (user.account, user.name.lower()))
    if owned >= CERTIFICATES_PER_USER:
        raise errors.quota("CertificatesPerUser", CERTIFICATES_PER_USER)
    certificate = SigningCertificate(
        id=id, account=user.account, user=user.name.lower(), body=certificate_body, created=call.at
    )
    return {"Certificate": _described(user, signing_certificates.put(call.tx, certificate))}


@operation("iam:ListSigningCertificates", on=a_user)
def list_signing_certificates(
    call: Call, *, user_name: str | None = None, marker: str | None = None, max_items: int | None = None
) -> Answer:
    """List a user's certificates."""
    user = named_or_calling(call, user_name)
    return sorted_listing(
        "Certificates",
        signing_certificates.where(call.tx, "by_user", (user.account, user.name.lower())),
        lambda certificate: _described(user, certificate),
        key=lambda certificate: (certificate.created.isoformat(), certificate.id),
        scope=f"ListSigningCertificates:{user.id}",
        max_items=max_items,
        marker=marker,
    )


@operation("iam:UpdateSigningCertificate", on=a_user)
def update_signing_certificate(
    call: Call, *, certificate_id: str, status: str, user_name: str | None = None
) -> None:
    """Make a certificate active or inactive."""
    certificate = _existing(call, named_or_calling(call, user_name), certificate_id)
    if status == "Expired":
        raise errors.no_manual_expiry()
    signing_certificates.put(call.tx, msgspec.structs.replace(certificate, status=cast("Status", status)))


@operation("iam:DeleteSigningCertificate", on=a_user)
def delete_signing_certificate(call: Call, *, certificate_id: str, user_name: str | None = None) -> None:
    """Delete a certificate."""
    user = named_or_calling(call, user_name)
    signing_certificates.delete(call.tx, _existing(call, user, certificate_id))


def _existing(call: Call, user: User, id: str) -> SigningCertificate:
    certificate = signing_certificates.get(call.tx, user.account, id)
    if certificate is None or certificate.user != user.name.lower():
        raise ApiError("NoSuchEntity", f"The Certificate with id {id} cannot be found.", 404)
    return certificate


def _described(user: User, certificate: SigningCertificate) -> Answer:
    return {
        "UserName": user.name,
        "CertificateId": certificate.id,
        "CertificateBody": certificate.body,
        "Status": certificate.status,
        "UploadDate": certificate.created,
    }
