"""The credential report of an account: its users and what they sign in with, as CSV (credentials.md 30.6)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from understudy_aws.core.answers import Answer
from understudy_aws.core.arn import iam
from understudy_aws.core.clock import iso_seconds
from understudy_aws.core.errors import ApiError
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.services.iam.access_keys import KEYS_PER_USER, access_key_uses
from understudy_aws.services.iam.credential_records import login_profiles, mfa_devices, signing_certificates
from understudy_aws.services.iam.password_policy import PasswordPolicy, policy_of
from understudy_aws.services.iam.role_records import roles
from understudy_aws.services.iam.signing_certificates import CERTIFICATES_PER_USER
from understudy_aws.services.iam.users import AccessKey, User, access_keys, users
from understudy_aws.store.tables import Record, Table

_GOOD_FOR = timedelta(hours=4)
_NONE, _NO_INFORMATION, _NOT_SUPPORTED = "N/A", "no_information", "not_supported"
_KEY_COLUMNS = ("active", "last_rotated", "last_used_date", "last_used_region", "last_used_service")
_COLUMNS = (
    "user",
    "arn",
    "user_creation_time",
    "password_enabled",
    "password_last_used",
    "password_last_changed",
    "password_next_rotation",
    "mfa_active",
    *(f"access_key_{number}_{name}" for number in (1, 2) for name in _KEY_COLUMNS),
    *(f"cert_{number}_{name}" for number in (1, 2) for name in ("active", "last_rotated")),
)

Row = Mapping[str, str]


class CredentialReport(Record, frozen=True, kw_only=True):
    """The latest report of an account. It shows what there was when it was asked for, and is ready a little later."""

    account: str
    ready: datetime
    text: str


credential_reports = Table("iam/credential-report", CredentialReport, key=lambda report: (report.account,))


@operation("iam:GenerateCredentialReport", on=all_resources)
def generate_credential_report(call: Call) -> Answer:
    """Make a report, unless the one that there is was made less than four hours ago."""
    known = credential_reports.get(call.tx, call.account)
    if known is not None and call.at < known.ready:
        return {"State": "INPROGRESS"}
    if known is not None and call.at - known.ready <= _GOOD_FOR:
        return {"State": "COMPLETE"}
    ready = call.at + timedelta(seconds=call.latency.credential_report_seconds(call.request_id))
    credential_reports.put(
        call.tx, CredentialReport(account=call.account, ready=ready, text=_csv(_rows(call)))
    )
    return {
        "State": "STARTED",
        "Description": "No report exists. Starting a new report generation task" if known is None else None,
    }


@operation("iam:GetCredentialReport", on=all_resources)
def get_credential_report(call: Call) -> Answer:
    """Return the report. AWS's refusals say nothing but their code."""
    report = credential_reports.get(call.tx, call.account)
    if report is None:
        raise ApiError("ReportNotPresent", "", 410)
    if call.at < report.ready:
        raise ApiError("ReportInProgress", "", 404)
    if call.at - report.ready > _GOOD_FOR:
        raise ApiError("ReportExpired", "", 410)
    return {
        "Content": report.text.encode(),
        "ReportFormat": "text/csv",
        "GeneratedTime": report.ready,
    }


def _csv(rows: Iterable[Row]) -> str:
    """Return rows as CSV. Lines end as on Unix, and the last one does not end at all (recorded)."""
    text = io.StringIO()
    writer = csv.DictWriter(text, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().rstrip("\n")


def _rows(call: Call) -> Iterable[Row]:
    yield _root(call)
    policy = policy_of(call.tx, call.account)
    for user in users.scan(call.tx, call.account):
        yield {
            "user": user.name,
            "arn": user.arn,
            "user_creation_time": iso_seconds(user.created),
            **_password(call, user, policy),
            "mfa_active": _truth(mfa_devices.count_where(call.tx, "by_user", _owner(user)) > 0),
            **_keys(call, access_keys.where(call.tx, "by_user", _owner(user))),
            **_certificates(call, user),
        }


def _root(call: Call) -> Row:
    """Return the row of the root user, who has nothing to sign in with here.

    An account is as old as the first user or role in it, with which it was made.
    """
    made = [user.created for user in users.scan(call.tx, call.account)]
    made += [role.created for role in roles.scan(call.tx, call.account)]
    return {
        "user": "<root_account>",
        "arn": iam(call.account, "root"),
        "user_creation_time": iso_seconds(min(made, default=call.at)),
        "password_enabled": _truth(False),
        "password_last_used": _NONE,
        "password_last_changed": _NONE,
        "password_next_rotation": _NOT_SUPPORTED,
        "mfa_active": _truth(False),
        **_keys(call, ()),
        **_numbered("cert", [], CERTIFICATES_PER_USER),
    }


def _password(call: Call, user: User, policy: PasswordPolicy | None) -> Row:
    """Return what there is about a password. Nobody signs in to a console here, so none was ever used."""
    profile = login_profiles.get(call.tx, *_owner(user))
    if profile is None:
        last_used = changed = rotation = _NONE
    else:
        last_used, changed = _NO_INFORMATION, iso_seconds(profile.changed)
        rotation = _NONE
        if policy is not None and policy.days:
            rotation = iso_seconds(profile.changed + timedelta(days=policy.days))
    return {
        "password_enabled": _truth(profile is not None),
        "password_last_used": last_used,
        "password_last_changed": changed,
        "password_next_rotation": rotation,
    }


def _keys(call: Call, owned: Iterable[AccessKey]) -> Row:
    """Return the columns of two access keys, by their ids (recorded)."""
    shown = []
    for key in sorted(owned, key=lambda each: each.id):
        use = access_key_uses.get(call.tx, key.id)
        shown.append(
            {
                "active": _truth(key.active),
                "last_rotated": iso_seconds(key.created),
                "last_used_date": iso_seconds(use.at) if use else _NONE,
                "last_used_region": use.region if use else _NONE,
                "last_used_service": use.service if use else _NONE,
            }
        )
    absent = {"active": _truth(False), **dict.fromkeys(_KEY_COLUMNS[1:], _NONE)}
    return _numbered("access_key", shown, KEYS_PER_USER, absent)


def _certificates(call: Call, user: User) -> Row:
    """Return the columns of two certificates, the inactive one first (recorded)."""
    owned = signing_certificates.where(call.tx, "by_user", _owner(user))
    in_order = sorted(owned, key=lambda each: (each.status == "Active", each.created, each.id))
    shown = [
        {"active": _truth(each.status == "Active"), "last_rotated": iso_seconds(each.created)}
        for each in in_order
    ]
    return _numbered("cert", shown, CERTIFICATES_PER_USER)


def _numbered(name: str, shown: list[dict[str, str]], most: int, absent: Row | None = None) -> Row:
    """Return columns by their full names, and those of what is not there."""
    missing = absent or {"active": _truth(False), "last_rotated": _NONE}
    filled = [*shown, *[missing] * most][:most]
    return {f"{name}_{number}_{part}": each[part] for number, each in enumerate(filled, 1) for part in each}


def _owner(user: User) -> tuple[str, str]:
    return user.account, user.name.lower()


def _truth(value: bool) -> str:
    return "true" if value else "false"
