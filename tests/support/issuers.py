"""Issuers of tokens for tests: keys, tokens, and roles that trust them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from understudy_aws.services.sts.local_issuers import local_issuers, with_keys
from understudy_aws.testing import Understudy

ACCOUNT = "000000000000"
GITHUB = "token.actions.githubusercontent.com"
MAIN = "repo:acme/shop:ref:refs/heads/main"
SUM = "a" * 40
_CURVES = {"ES256": ec.SECP256R1, "ES384": ec.SECP384R1, "ES512": ec.SECP521R1}


def key_for(algorithm: str, number: int = 0) -> Any:
    """The private key of an algorithm, made once; another one for each number."""
    return _key(algorithm if algorithm in _CURVES else "RSA", number)


@cache
def _key(algorithm: str, number: int) -> Any:
    if algorithm in _CURVES:
        return ec.generate_private_key(_CURVES[algorithm]())
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def jwk(algorithm: str, key_id: str = "", number: int = 0, **more: Any) -> dict[str, Any]:
    """The public half of that key, as an issuer publishes it."""
    key = key_for(algorithm, number).public_key()
    kind = jwt.algorithms.ECAlgorithm if algorithm in _CURVES else jwt.algorithms.RSAAlgorithm
    members = {name: value for name, value in kind.to_jwk(key, as_dict=True).items() if name != "key_ops"}
    return {**members, "kid": key_id or algorithm, "use": "sig", **more}


class Issuer:
    """An issuer whose keys an understudy knows, with a provider for it and a role that trusts it."""

    def __init__(
        self, understudy: Understudy, url: str = GITHUB, *, clients: tuple[str, ...] = ("sts.amazonaws.com",)
    ):
        self.understudy, self.url = understudy, url
        self.iam = understudy.client("iam")
        self.arn = self.iam.create_open_id_connect_provider(
            Url=f"https://{url}", ClientIDList=list(clients), ThumbprintList=[SUM]
        )["OpenIDConnectProviderArn"]
        self.publish(*(jwk(algorithm) for algorithm in ("RS256", "RS384", "RS512", *_CURVES)))

    def publish(self, *keys: Mapping[str, Any]) -> None:
        """Let these be the keys of the issuer."""
        with self.understudy.app.database.transaction() as tx:
            document = json.dumps({"keys": keys}).encode()
            local_issuers.put(tx, with_keys(f"https://{self.url}", self.understudy.clock.now(), document))

    def claims(self, **changed: Any) -> dict[str, Any]:
        """Good claims, with some changed; None takes one away."""
        now = int(self.understudy.clock.now().timestamp())
        made = {
            "iss": f"https://{self.url}",
            "aud": "sts.amazonaws.com",
            "sub": MAIN,
            "iat": now,
            "exp": now + 300,
            **changed,
        }
        return {name: value for name, value in made.items() if value is not None}

    def token(
        self, algorithm: str = "RS256", *, headers: Mapping[str, Any] | None = None, **changed: Any
    ) -> str:
        """A token with these claims, signed."""
        return self.signed(json.dumps(self.claims(**changed)).encode(), algorithm, headers=headers)

    def signed(
        self, body: bytes, algorithm: str = "RS256", *, headers: Mapping[str, Any] | None = None
    ) -> str:
        """Whatever bytes, signed as the claims of a token."""
        given = {"kid": algorithm, **(headers or {})}
        return jwt.PyJWS().encode(
            body,
            key_for(algorithm),
            algorithm,
            headers={name: value for name, value in given.items() if value is not None},
        )

    def role(
        self,
        name: str = "deploy",
        condition: Mapping[str, Any] | None = None,
        *,
        actions: tuple[str, ...] = ("sts:AssumeRoleWithWebIdentity",),
        **more: Any,
    ) -> str:
        """Make a role that trusts the issuer's tokens under a condition; answers its ARN."""
        # IAM has the subject asked for where many share an issuer (web-identity.md 36.8). Here everybody will do.
        anybody = {"StringLikeIfExists": {f"{self.url}:sub": "*"}}
        statement: dict[str, Any] = {
            "Effect": "Allow",
            "Principal": {"Federated": self.arn},
            "Action": list(actions),
            "Condition": {**anybody, **(condition or {})},
        }
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        made = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=document, **more)
        return str(made["Role"]["Arn"])

    def assume(self, role_arn: str, token: str | None = None, session: str = "session", **more: Any) -> Any:
        """Show a token to STS, without a signature, and have its answer."""
        return self.unsigned().assume_role_with_web_identity(
            RoleArn=role_arn,
            RoleSessionName=session,
            WebIdentityToken=self.token() if token is None else token,
            **more,
        )

    def unsigned(self) -> Any:
        """A client of STS without credentials."""
        return self.understudy.client("sts", as_=None)
