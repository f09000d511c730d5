"""Issuers that many organizations share, and what trust policies must ask of their tokens (web-identity.md 36.8)."""

from __future__ import annotations

# The claims by which an issuer tells its tenants apart. One of them must be asked for; a name with a colon is a
# condition key as it is, others follow the issuer.
_SUBJECT = ("sub",)
_AUDIENCE = ("aud",)
_TURBONOMIC = "rh-oidc.s3.us-east-1.amazonaws.com/"
_TURBONOMIC_LATER = "oidc.op1.openshiftapps.com/"
_CLAIMS = {
    "agent.buildkite.com": _SUBJECT,
    "api.pulumi.com/oidc": _AUDIENCE,
    "app.terraform.io": _SUBJECT,
    "cognito-identity.amazonaws.com": _AUDIENCE,
    "gitlab.com": _SUBJECT,
    "oidc-configuration.audit-log.githubusercontent.com": _SUBJECT,
    "oidc.codefresh.io": _SUBJECT,
    "oidc.vercel.com": _AUDIENCE,
    "proidc.upbound.io": _SUBJECT,
    "sandboxes.cloud": _AUDIENCE,
    "scalr.io": _SUBJECT,
    "sts.windows.net/33e01921-4d64-4f8c-a055-5bdaffd5e33d": ("sts:RoleSessionName",),
    "studio.datachain.ai/api": _SUBJECT,
    "token.actions.githubusercontent.com": ("sub", "job_workflow_ref"),
    "tokens.cloud.shisho.dev": _SUBJECT,
    "vstoken.actions.githubusercontent.com": _SUBJECT,
    f"{_TURBONOMIC}22ejnvnnturfmt6km08idd0nt4hekbn7": _SUBJECT,
    f"{_TURBONOMIC}23e3sd27sju1hoou6ohfs68vbno607tr": _SUBJECT,
    f"{_TURBONOMIC}23ne21h005qjl3n33d8dui5dlrmv2tmg": _SUBJECT,
    f"{_TURBONOMIC}24jrf12m5dj7ljlfb4ta2frhrcoadm26": _SUBJECT,
    f"{_TURBONOMIC_LATER}2f785sojlpb85i7402pk3qogugim5nfb": _SUBJECT,
    f"{_TURBONOMIC_LATER}2c51blsaqa9gkjt0o9rt11mle8mmropu": _SUBJECT,
}


def required_keys(issuer: str) -> tuple[str, ...]:
    """Return the condition keys of which a trust policy must have one; none for an issuer that is not shared.

    The issuer is a URL without scheme.
    """
    issuer = issuer.lower()
    return tuple(claim if ":" in claim else f"{issuer}:{claim}" for claim in _CLAIMS.get(issuer, ()))
