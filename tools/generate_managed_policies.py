"""Writes the managed policies that Understudy ships: the public collection in moto, and our own supplements.

    python tools/generate_managed_policies.py

Needs moto installed (Apache-2.0; it republishes what AWS's own API answers). A JSON file in
`src/understudy_aws/data/policies/` adds a policy or replaces moto's of the same name.

Two files come out. `managed_policies.index` is text: a first line `dictionary <length>`, then one per policy,
with tabs between its name, path, id, default version, created, updated, description, offset and length.
`managed_policies.documents` is the compressed dictionary followed by the documents, each compressed by itself
against that dictionary, so that reading one costs one short read and no more.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compressed_documents import CompressedDocuments
from moto.iam.aws_managed_policies import aws_managed_policies_data
from policy_texts import compact, in_order

_DATA = Path(__file__).parents[1] / "src" / "understudy_aws" / "data"


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy on its way into the files."""

    name: str
    path: str
    version_id: str
    created: str
    updated: str
    description: str
    document: str

    @property
    def id(self) -> str:
        """An id in IAM's shape (21 characters), always the same for a name: the true ids are not public."""
        digest = hashlib.sha256(self.name.encode()).digest()
        return "ANPA" + base64.b32encode(digest).decode()[:17]


def main() -> int:
    """Write both files and say what they hold."""
    policies = _from_moto() | _supplements()
    ordered = [policies[name] for name in sorted(policies)]
    documents = CompressedDocuments(policy.document for policy in ordered)
    lines = [f"dictionary\t{documents.dictionary_length}"]
    lines.extend("\t".join((*_facts(policy), *documents.add(policy.document))) for policy in ordered)

    (_DATA / "managed_policies.index").write_text("\n".join(lines) + "\n", "utf-8")
    (_DATA / "managed_policies.documents").write_bytes(documents.content)
    print(f"{len(ordered)} policies, {len(documents.content):,} bytes of documents")
    return 0


def _from_moto() -> dict[str, Policy]:
    found: Mapping[str, Mapping[str, Any]] = json.loads(aws_managed_policies_data)
    return {
        name: Policy(
            name=name,
            path=facts["Path"],
            version_id=facts["DefaultVersionId"],
            created=facts["CreateDate"],
            updated=facts["UpdateDate"],
            description="",
            document=compact(in_order(facts["Document"])),
        )
        for name, facts in found.items()
    }


def _supplements() -> dict[str, Policy]:
    found = {}
    for file in sorted((_DATA / "policies").glob("*.json")):
        facts = json.loads(file.read_text("utf-8"))
        if facts["name"] != file.stem:
            raise SystemExit(f"{file.name} holds the policy {facts['name']}; name the file after it")
        found[facts["name"]] = Policy(
            name=facts["name"],
            path=facts["path"],
            version_id=facts["default_version_id"],
            created=facts["created"],
            updated=facts["updated"],
            description=facts.get("description", ""),
            document=compact(facts["document"]),
        )
    return found


def _facts(policy: Policy) -> tuple[str, ...]:
    return (
        policy.name,
        policy.path,
        policy.id,
        policy.version_id,
        policy.created,
        policy.updated,
        policy.description,
    )


if __name__ == "__main__":
    sys.exit(main())
