"""How IAM's refusals name what the caller may not act on (policies.md 4.9)."""

from __future__ import annotations

# Kinds that are named in words, by their word in ARNs.
_NAMED = {"role": "role", "user": "user", "group": "group", "instance-profile": "instance profile"}
# What is yet to be made is named by the ARN it would have.
_CREATIONS = frozenset(
    {"CreateRole", "CreateServiceLinkedRole", "CreateUser", "CreateGroup", "CreateInstanceProfile"}
)


def resource_words(operation: str, arn: str) -> str:
    """Return the words for a resource that an operation acts on, such as `role Deploy`.

    A managed policy is named by its ARN, by its name while it is being made, and by the path when policies are listed.
    What has no words keeps its ARN: lists of roles, users and groups, providers, MFA devices, and `*`.
    """
    kind, slash, rest = arn.split(":", 5)[-1].partition("/")
    if not slash:
        return arn
    name = rest.rpartition("/")[2]
    if kind == "policy":
        if operation == "ListPolicies":
            return f"policy path /{rest}"
        return f"policy {name if operation == 'CreatePolicy' else arn}"
    if kind in _NAMED and name and operation not in _CREATIONS:
        return f"{_NAMED[kind]} {name}"
    return arn
