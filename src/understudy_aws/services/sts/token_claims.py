"""The claims that tokens of GitHub Actions, GitLab and EKS have, for those minted here (web-identity.md 36.5)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from understudy_aws.core.errors import UserError
from understudy_aws.core.ids import Ids

GITHUB = "https://token.actions.githubusercontent.com"
GITLAB = "https://gitlab.com"
# The cluster of AWS's own examples.
EKS = "https://oidc.eks.us-east-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE"
BY_NAME: Mapping[str, str] = {"github": GITHUB, "gitlab": GITLAB, "eks": EKS}

_EKS = re.compile(r"https://oidc\.eks\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?/id/[0-9A-Za-z]+\Z")
_ACCOUNT = re.compile(r"system:serviceaccount:([^:]+):([^:]+)\Z")
_STS = "sts.amazonaws.com"
_SHA = "0" * 40

Claims = dict[str, Any]


class _Form(msgspec.Struct, frozen=True):
    """How the tokens of a kind of issuer look: how long they are valid, and what they claim beside what is given."""

    seconds: int
    complete: Callable[[Claims, Ids], Claims]


def claims_for(
    issuer: str, given: Mapping[str, Any], at: datetime, ids: Ids, seconds: int | None = None
) -> Claims:
    """Return all claims of a token of an issuer: those given, and the others as the real issuer would have them.

    The subject follows from the others, as it does there. Raises UserError where it cannot be known.
    """
    form = _form_of(issuer)
    now = int(at.timestamp())
    made = form.complete({name: value for name, value in given.items() if value is not None}, ids)
    if "sub" not in made:
        raise UserError("Whom is the token about? Say --claim sub=SUBJECT.")
    times = {"iat": now, "nbf": now, "exp": now + (seconds or form.seconds)}
    return {"iss": issuer, "aud": _STS, "jti": ids.uuid(), **times, **made, **given}


def _form_of(issuer: str) -> _Form:
    if issuer == GITHUB:
        return _FORMS["github"]
    if issuer == GITLAB:
        return _FORMS["gitlab"]
    return _FORMS["eks" if _EKS.match(issuer) else "other"]


def _github(given: Claims, _ids: Ids) -> Claims:
    """Return a workflow's claims (GitHub Docs, "OpenID Connect reference")."""
    repository = str(given.get("repository", "octo-org/octo-repo"))
    owner = repository.partition("/")[0]
    event = str(given.get("event_name", "push"))
    ref = str(given.get("ref", "refs/pull/1/merge" if event == "pull_request" else "refs/heads/main"))
    workflow = f"{repository}/.github/workflows/deploy.yml@{ref}"
    if "environment" in given:
        context = f"environment:{given['environment']}"
    else:
        context = "pull_request" if event == "pull_request" else f"ref:{ref}"
    of_pull_request = {"head_ref": "change", "base_ref": "main"} if event == "pull_request" else {}
    return {
        "sub": f"repo:{repository}:{context}",
        "repository": repository,
        "repository_owner": owner,
        "repository_id": "1",
        "repository_owner_id": "1",
        "repository_visibility": "private",
        "actor": owner,
        "actor_id": "1",
        "event_name": event,
        "ref": ref,
        "ref_type": "tag" if ref.startswith("refs/tags/") else "branch",
        "ref_protected": "false",
        "head_ref": "",
        "base_ref": "",
        "sha": _SHA,
        "workflow": "deploy",
        "workflow_ref": workflow,
        "workflow_sha": _SHA,
        "job_workflow_ref": workflow,
        "job_workflow_sha": _SHA,
        "run_id": "1",
        "run_number": "1",
        "run_attempt": "1",
        "runner_environment": "github-hosted",
        **of_pull_request,
        **given,
    }


def _gitlab(given: Claims, _ids: Ids) -> Claims:
    """Return a job's claims (GitLab Docs, "OpenID Connect (OIDC) authentication using ID tokens")."""
    project = str(given.get("project_path", "octo-group/octo-project"))
    ref, kind = str(given.get("ref", "main")), str(given.get("ref_type", "branch"))
    return {
        "sub": f"project_path:{project}:ref_type:{kind}:ref:{ref}",
        "aud": GITLAB,
        "namespace_id": "1",
        "namespace_path": project.rpartition("/")[0],
        "project_id": "1",
        "project_path": project,
        "user_id": "1",
        "user_login": "octo",
        "user_email": "octo@example.com",
        "user_access_level": "developer",
        "pipeline_id": "1",
        "pipeline_source": "push",
        "job_id": "1",
        "ref": ref,
        "ref_type": kind,
        "ref_path": f"refs/{'tags' if kind == 'tag' else 'heads'}/{ref}",
        "ref_protected": "true",
        "runner_id": 1,
        "runner_environment": "gitlab-hosted",
        "sha": _SHA,
        "project_visibility": "private",
        **given,
    }


def _eks(given: Claims, ids: Ids) -> Claims:
    """Return a service account's claims (Kubernetes, "Managing Service Accounts", bound tokens)."""
    subject = str(given.get("sub", "system:serviceaccount:default:default"))
    account = _ACCOUNT.match(subject)
    if account is None:
        raise UserError(
            f"A token of EKS is about system:serviceaccount:NAMESPACE:NAME, and not about {subject!r}."
        )
    namespace, name = account.groups()
    return {
        "sub": subject,
        "aud": [_STS],
        "kubernetes.io": {
            "namespace": namespace,
            "pod": {"name": f"{name}-0", "uid": ids.uuid()},
            "serviceaccount": {"name": name, "uid": ids.uuid()},
        },
        **given,
    }


def _any(given: Claims, _ids: Ids) -> Claims:
    return given


_FORMS: Mapping[str, _Form] = {
    "github": _Form(300, _github),
    "gitlab": _Form(3600, _gitlab),
    "eks": _Form(86_400, _eks),
    "other": _Form(300, _any),
}
