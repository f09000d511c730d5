"""Writes the earlier versions of AWS managed policies: what older releases of moto had as the default versions.

    pip download --no-deps moto==1.3.14 …    # some releases of different years
    python tools/generate_managed_policy_history.py moto-*.whl

Each release of moto (Apache-2.0) republishes what AWS's own API answered at its time, one version a policy; together
they hold many of the versions there were, and not all. Run it after `generate_managed_policies.py`: the version that is
the default now is left out. The files are like those of the policies themselves; a line of the index has a policy's
name, the version, when it was made, offset and length.
"""

from __future__ import annotations

import ast
import json
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compressed_documents import CompressedDocuments
from policy_texts import compact, in_order

_DATA = Path(__file__).parents[1] / "src" / "understudy_aws" / "data"
_MODULE = "moto/iam/aws_managed_policies.py"
_NAME = "aws_managed_policies_data"


def main(wheels: list[str]) -> int:
    """Write both files and say what they hold."""
    defaults = _defaults()
    found: dict[tuple[str, int], tuple[str, str]] = {}
    for wheel in wheels:
        for name, facts in _policies(wheel).items():
            number = int(facts["DefaultVersionId"].removeprefix("v"))
            if name in defaults and number < defaults[name]:
                found.setdefault((name, number), (facts["UpdateDate"], compact(in_order(facts["Document"]))))
    documents = CompressedDocuments(document for _, document in found.values())
    lines = [f"dictionary\t{documents.dictionary_length}"]
    lines.extend(
        "\t".join((name, f"v{number}", made, *documents.add(document)))
        for (name, number), (made, document) in sorted(found.items())
    )
    (_DATA / "managed_policy_history.index").write_text("\n".join(lines) + "\n", "utf-8")
    (_DATA / "managed_policy_history.documents").write_bytes(documents.content)
    print(f"{len(found)} versions, {len(documents.content):,} bytes of documents")
    return 0


def _defaults() -> dict[str, int]:
    """The number of the default version of each policy that is shipped."""
    lines = (_DATA / "managed_policies.index").read_text("utf-8").splitlines()[1:]
    rows = (line.split("\t") for line in lines)
    return {row[0]: int(row[3].removeprefix("v")) for row in rows}


def _policies(wheel: str) -> Mapping[str, Mapping[str, Any]]:
    tree = ast.parse(zipfile.ZipFile(wheel).read(_MODULE).decode())
    for node in tree.body:
        if isinstance(node, ast.Assign) and [getattr(each, "id", "") for each in node.targets] == [_NAME]:
            policies: Mapping[str, Mapping[str, Any]] = json.loads(ast.literal_eval(node.value))
            return policies
    raise SystemExit(f"{wheel} has no {_NAME}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
