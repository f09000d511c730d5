"""Tells of keys that were made just now: where they are kept, and the secret only to who asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from understudy_aws.cli.output import Output
from understudy_aws.cli.server_files import files_of
from understudy_aws.settings import Settings


def show_new_keys(
    sentence: str, made: Mapping[str, Any], settings: Settings, out: Output, *, show: bool
) -> None:
    """Print a sentence about keys, and the file that holds them; with `show` the keys themselves too."""
    file = str(files_of(settings).credentials)
    if out.as_json:
        shown = made if show else {"account": made["account"], "access_key_id": made["access_key_id"]}
        out.value({**shown, "credentials_file": file})
        return
    out.line(sentence)
    facts = [("keys", f"{file} (profile {made['account']})"), ("access key", made["access_key_id"])]
    if show:
        facts.append(("secret key", made["secret_access_key"]))
    out.facts(facts)
