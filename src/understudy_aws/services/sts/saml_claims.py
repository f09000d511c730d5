"""What an assertion says about the session that it is shown for (saml.md 37.3)."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping

from understudy_aws.services.iam.saml_provider_records import SamlProvider
from understudy_aws.services.sts.saml_responses import Asserted, invalid

ConditionKeys = dict[str, str | list[str]]
Tags = tuple[tuple[str, str], ...]

ATTRIBUTES = "https://aws.amazon.com/SAML/Attributes/"
_PRINCIPAL_TAG = f"{ATTRIBUTES}PrincipalTag:"
_NAME = re.compile(r"[a-zA-Z_0-9+=,.@-]{2,64}")
_TAG_LETTERS = re.compile(r"[\w\s.:/=+\-@]*")
_MOST_TAGS = 50
_SHORTEST, _LONGEST = 900, 43200
_EDU_PERSON = "urn:oid:1.3.6.1.4.1.5923.1.1.1."
_EDU_ORG = "urn:oid:1.3.6.1.4.1.5923.1.2.1."
_WS = "http://schemas.xmlsoap.org/"
# The attributes that conditions see, and the names of their keys.
_KEYS: Mapping[str, str] = {
    f"{_EDU_PERSON}1": "edupersonaffiliation",
    f"{_EDU_PERSON}2": "edupersonnickname",
    f"{_EDU_PERSON}3": "edupersonorgdn",
    f"{_EDU_PERSON}4": "edupersonorgunitdn",
    f"{_EDU_PERSON}5": "edupersonprimaryaffiliation",
    f"{_EDU_PERSON}6": "edupersonprincipalname",
    f"{_EDU_PERSON}7": "edupersonentitlement",
    f"{_EDU_PERSON}8": "edupersonprimaryorgunitdn",
    f"{_EDU_PERSON}9": "edupersonscopedaffiliation",
    f"{_EDU_PERSON}10": "edupersontargetedid",
    f"{_EDU_PERSON}11": "edupersonassurance",
    f"{_EDU_ORG}2": "eduorghomepageuri",
    f"{_EDU_ORG}3": "eduorgidentityauthnpolicyuri",
    f"{_EDU_ORG}4": "eduorglegalname",
    f"{_EDU_ORG}5": "eduorgsuperioruri",
    f"{_EDU_ORG}6": "eduorgwhitepagesuri",
    "urn:oid:2.5.4.3": "cn",
    f"{_WS}ws/2005/05/identity/claims/name": "name",
    f"{_WS}claims/CommonName": "commonname",
    f"{_WS}ws/2005/05/identity/claims/givenname": "givenname",
    f"{_WS}ws/2005/05/identity/claims/surname": "surname",
    f"{_WS}ws/2005/05/identity/claims/emailaddress": "mail",
    "http://schemas.microsoft.com/ws/2008/06/identity/claims/primarygroupsid": "uid",
    "2.5.4.3": "commonname",
    "2.5.4.4": "surname",
    "2.4.5.42": "givenname",
    "2.5.4.45": "x500uniqueidentifier",
    "0.9.2342.19200300100.1.1": "uid",
    "0.9.2342.19200300100.1.3": "mail",
    "0.9.2342.19200300.100.1.45": "organizationstatus",
}


def check_role(asserted: Asserted, role_arn: str, provider_arn: str) -> None:
    """Raise InvalidIdentityToken unless the issuer gives out this role through this provider, in either order."""
    wanted = {role_arn, provider_arn}
    for pair in asserted.attributes.get(f"{ATTRIBUTES}Role", ()):
        named = [each.strip() for each in pair.split(",")]
        if len(named) == len(wanted) and set(named) == wanted:
            return
    raise invalid("SAML Assertion doesn't contain the requested Role and Metadata in the attributes")


def session_name(asserted: Asserted) -> str:
    """Return the name of the role's session."""
    name = _only(asserted, "RoleSessionName")
    if not name:
        raise invalid("RoleSessionName is required in AuthnResponse")
    if not _NAME.fullmatch(name):
        raise invalid("RoleSessionName in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{2,64}")
    return name


def source_identity(asserted: Asserted) -> str:
    """Return the source identity that the issuer sets, or an empty text."""
    name = _only(asserted, "SourceIdentity")
    if name and (not _NAME.fullmatch(name) or name.lower().startswith("aws:")):
        raise invalid('Source Identity must match [a-zA-Z_0-9+=,.@-]{2,64} and not begin with "aws:"')
    return name


def longest_session(asserted: Asserted) -> int:
    """Return the most seconds that the issuer lets a session last."""
    text = _only(asserted, "SessionDuration")
    if not text:
        return _LONGEST
    if not (text.isascii() and text.isdigit()) or not _SHORTEST <= int(text[:6]) <= _LONGEST:
        raise invalid(f"SessionDuration in AuthnResponse must be between {_SHORTEST} and {_LONGEST}")
    return int(text)


def session_tags(asserted: Asserted) -> tuple[Tags, tuple[str, ...]]:
    """Return the session's tags, and the keys of those that are transitive, as the tags spell them."""
    found: dict[str, tuple[str, str]] = {}
    for name, values in asserted.attributes.items():
        if name.startswith(_PRINCIPAL_TAG):
            key = name.removeprefix(_PRINCIPAL_TAG)
            if not _is_tag(key, values) or key.lower() in found:
                raise invalid("PrincipalTag in AuthnResponse is not a valid session tag")
            found[key.lower()] = (key, values[0])
    if len(found) > _MOST_TAGS:
        raise invalid(f"AuthnResponse must not have more than {_MOST_TAGS} session tags")
    transitive = asserted.attributes.get(f"{ATTRIBUTES}TransitiveTagKeys", ())
    if not all(key.lower() in found for key in transitive):
        raise invalid("TransitiveTagKeys in AuthnResponse must be keys of session tags")
    return tuple(found.values()), tuple(found[key.lower()][0] for key in dict.fromkeys(transitive))


def _is_tag(key: str, values: tuple[str, ...]) -> bool:
    return (
        len(values) == 1
        and 1 <= len(key) <= 128
        and len(values[0]) <= 256
        and _TAG_LETTERS.fullmatch(key + values[0]) is not None
        and not key.lower().startswith("aws:")
    )


def name_qualifier(asserted: Asserted, provider: SamlProvider) -> str:
    """Return the sum that tells subjects of different issuers, accounts and providers apart."""
    text = f"{asserted.issuer}{_document(provider)}"
    return base64.b64encode(hashlib.sha1(text.encode(), usedforsecurity=False).digest()).decode()


def condition_keys(asserted: Asserted, provider: SamlProvider) -> ConditionKeys:
    """Return the condition keys that a trust policy sees of an assertion."""
    keys: ConditionKeys = {
        f"saml:{key}": values[0] if len(values) == 1 else list(values)
        for name, key in _KEYS.items()
        if (values := asserted.attributes.get(name))
    }
    keys["saml:aud"] = asserted.recipient
    keys["saml:iss"] = asserted.issuer
    keys["saml:doc"] = _document(provider)
    keys.update(session_keys(asserted, provider))
    return keys


def session_keys(asserted: Asserted, provider: SamlProvider) -> dict[str, str]:
    """Return the condition keys that every request of the session has."""
    return {
        "saml:sub": asserted.subject,
        "saml:sub_type": asserted.subject_type,
        "saml:namequalifier": name_qualifier(asserted, provider),
    }


def _document(provider: SamlProvider) -> str:
    return f"{provider.account}/{provider.name}"


def _only(asserted: Asserted, name: str) -> str:
    """Return the one value of an attribute of AWS's; empty without any. Raises InvalidIdentityToken for several."""
    values = asserted.attributes.get(f"{ATTRIBUTES}{name}", ())
    if len(values) > 1:
        raise invalid(f"{name} in AuthnResponse must have one value")
    return values[0] if values else ""
