"""Writes the condition keys that hold lists, which the policy engine must know without reading the catalogue.

    python tools/generate_list_keys.py

Reads the shipped catalogue of services; run it after tools/generate_service_catalogue.py.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from understudy_aws.data import service_catalogue

_MODULE = Path(__file__).parents[1] / "src" / "understudy_aws" / "policy" / "language" / "list_keys.py"
_INDEX = Path(service_catalogue.__file__).with_name("service_catalogue.index")
_HEAD = '''"""The condition keys that hold lists, as AWS's Service Authorization Reference types them: generated.

Written by tools/generate_list_keys.py; a test holds it against the catalogue.
"""

'''


def main() -> int:
    """Write the module and say how many keys it has."""
    keys = list_keys()
    exact = sorted(key for key in keys if "${" not in key)
    open_ended = sorted(key.partition("${")[0] for key in keys if "${" in key)
    _MODULE.write_text(
        f"{_HEAD}# Lower-cased.\nLIST_KEYS = frozenset(\n    {{\n{_lines(exact)}    }}\n)\n\n"
        f"# What follows is the request's to choose.\nLIST_KEY_PREFIXES = (\n{_lines(open_ended, 4)})\n",
        "utf-8",
    )
    print(f"{len(keys)} keys")
    return 0


def list_keys() -> set[str]:
    """Every key of an `ArrayOf…` type, lower-cased, free parts as `${Name}`; on its keys a service's word counts."""
    kinds = {key.lower(): service_catalogue.condition_key_type(key) or "" for key in _keys()}
    return {key for key, kind in kinds.items() if kind.startswith("ArrayOf")}


def _keys() -> Iterable[str]:
    """Those of the services, and from the index the global ones and those no service owns."""
    for prefix in service_catalogue.everything():
        service = service_catalogue.service(prefix)
        assert service is not None, "everything() names what there is"
        yield from service.condition_keys
    for line in _INDEX.read_text("utf-8").splitlines():
        kind, _, rest = line.partition("\t")
        if kind == "key":
            yield rest.partition("\t")[0]


def _lines(texts: Iterable[str], indent: int = 8) -> str:
    return "".join(f'{" " * indent}"{text}",\n' for text in texts)


if __name__ == "__main__":
    sys.exit(main())
