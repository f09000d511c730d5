"""The credential report: credentials.md 30.6."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta

import pytest
from certificates import certificate, pem
from totp import Phone

from understudy_aws.testing import Credentials, Understudy

HEADER = (
    "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,password_next_rotation,"
    "mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,"
    "access_key_1_last_used_region,access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,"
    "access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,"
    "cert_1_last_rotated,cert_2_active,cert_2_last_rotated"
)
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def text(iam):
    iam.generate_credential_report()
    return iam.get_credential_report()["Content"].decode()


def rows(iam):
    return {row["user"]: row for row in csv.DictReader(io.StringIO(text(iam)))}


def parts(row, start):
    return {name.removeprefix(start): value for name, value in row.items() if name.startswith(start)}


class TestGenerateCredentialReport:
    def test_it_is_started_and_then_complete(self, iam):
        """Recorded, with the sentence of the first answer."""
        first, second = iam.generate_credential_report(), iam.generate_credential_report()
        assert ("STARTED", "No report exists. Starting a new report generation task") == (
            first["State"],
            first["Description"],
        )
        assert "COMPLETE" == second["State"]
        assert "Description" not in second

    def test_with_aws_times_it_takes_a_while(self, refused):
        with Understudy(clock="aws") as understudy:
            iam = understudy.client("iam")
            assert "STARTED" == iam.generate_credential_report()["State"]
            assert "INPROGRESS" == iam.generate_credential_report()["State"]
            with refused("ReportInProgress", "", 404):
                iam.get_credential_report()
            understudy.clock.advance(5)
            assert "COMPLETE" == iam.generate_credential_report()["State"]
            assert iam.get_credential_report()["Content"]

    def test_one_is_good_for_four_hours(self, iam, understudy, refused):
        before = text(iam)
        iam.create_user(UserName="late")
        understudy.clock.advance(4 * 3600 - 60)
        assert "COMPLETE" == iam.generate_credential_report()["State"]
        assert before == iam.get_credential_report()["Content"].decode()
        understudy.clock.advance(120)
        with refused("ReportExpired", "", 410):
            iam.get_credential_report()
        assert "STARTED" == iam.generate_credential_report()["State"]
        assert "late" in rows(iam)


class TestGetCredentialReport:
    def test_there_is_none_before_it_is_made(self, iam, refused):
        """Recorded, without a message."""
        with refused("ReportNotPresent", "", 410):
            iam.get_credential_report()

    def test_it_is_csv(self, iam):
        iam.create_user(UserName="a,b")
        found = text(iam)
        assert HEADER == found.partition("\n")[0]
        assert not found.endswith("\n")
        assert "\r" not in found
        assert {"a,b", "<root_account>", "Administrator"} == set(rows(iam))
        answer = iam.get_credential_report()
        assert ("text/csv", True) == (answer["ReportFormat"], bool(answer["GeneratedTime"]))

    def test_root_is_first_and_users_follow_by_name(self, iam, understudy):
        for name in ("b", "A", "c"):
            iam.create_user(UserName=name, Path="/x/")
        found = rows(iam)
        assert ["<root_account>", "A", "Administrator", "b", "c"] == list(found)
        root = found["<root_account>"]
        assert f"arn:aws:iam::{understudy.account}:root" == root["arn"]
        assert "not_supported" == root["password_next_rotation"]
        assert TIME.fullmatch(root["user_creation_time"])
        assert f"arn:aws:iam::{understudy.account}:user/x/A" == found["A"]["arn"]

    def test_who_has_nothing(self, iam):
        """Recorded."""
        iam.create_user(UserName="bare")
        row = rows(iam)["bare"]
        active = {name: value for name, value in row.items() if name.endswith(("active", "enabled"))}
        assert {"false"} == set(active.values())
        assert {"N/A"} == {
            value for name, value in row.items() if name not in {*active, "user", "arn", "user_creation_time"}
        }

    def test_passwords(self, iam):
        iam.create_user(UserName="ann")
        iam.create_login_profile(UserName="ann", Password="Correct-Horse-9")
        row = parts(rows(iam)["ann"], "password_")
        assert ("true", "no_information", "N/A") == (
            row["enabled"],
            row["last_used"],
            row["next_rotation"],
        )
        assert TIME.fullmatch(row["last_changed"])

    def test_passwords_that_age_have_a_date(self, iam):
        iam.update_account_password_policy(MaxPasswordAge=90)
        iam.create_user(UserName="ann")
        made = iam.create_login_profile(UserName="ann", Password="secret")["LoginProfile"]["CreateDate"]
        row = rows(iam)["ann"]
        assert made.strftime("%Y-%m-%dT%H:%M:%SZ") == row["password_last_changed"]
        due = made + timedelta(days=90)
        assert due.strftime("%Y-%m-%dT%H:%M:%SZ") == row["password_next_rotation"]

    def test_keys(self, iam, understudy):
        iam.create_user(UserName="ann")
        made = [iam.create_access_key(UserName="ann")["AccessKey"] for _ in range(2)]
        first, second = sorted(made, key=lambda key: key["AccessKeyId"])
        iam.update_access_key(UserName="ann", AccessKeyId=first["AccessKeyId"], Status="Inactive")
        credentials = Credentials(second["AccessKeyId"], second["SecretAccessKey"])
        understudy.client("sts", region="eu-west-1", as_=credentials).get_caller_identity()
        understudy.settle()
        row = rows(iam)["ann"]
        unused, used = parts(row, "access_key_1_"), parts(row, "access_key_2_")
        assert "false" == unused["active"]
        assert TIME.fullmatch(unused["last_rotated"])
        assert {"N/A"} == {value for name, value in unused.items() if name.startswith("last_used")}
        assert ("true", "eu-west-1", "sts") == (
            used["active"],
            used["last_used_region"],
            used["last_used_service"],
        )
        assert TIME.fullmatch(used["last_used_date"])

    def test_inactive_certificates_come_first(self, iam, understudy):
        """Recorded, whichever of them is older."""
        iam.create_user(UserName="ann")
        ids = []
        for _ in range(2):
            answer = iam.upload_signing_certificate(UserName="ann", CertificateBody=pem(certificate()))
            ids.append(answer["Certificate"])
            understudy.clock.advance(60)
        newer = ids[1]
        iam.update_signing_certificate(
            UserName="ann", CertificateId=newer["CertificateId"], Status="Inactive"
        )
        row = parts(rows(iam)["ann"], "cert_")
        assert ("false", "true") == (row["1_active"], row["2_active"])
        assert newer["UploadDate"].strftime("%Y-%m-%dT%H:%M:%SZ") == row["1_last_rotated"]

    def test_mfa_devices(self, iam, understudy):
        iam.create_user(UserName="ann")
        phone = Phone(understudy, iam)
        phone.enable(iam, "ann")
        assert "true" == rows(iam)["ann"]["mfa_active"]

    def test_another_account_has_another(self, understudy, iam, refused):
        iam.generate_credential_report()
        other = understudy.client("iam", as_=understudy.account_administrator("210987654321"))
        with refused("ReportNotPresent"):
            other.get_credential_report()


@pytest.mark.parametrize("action", ["Generate", "Get"])
def test_each_takes_its_own_permission(understudy, refused, action):
    client = understudy.client("iam", as_=understudy.allowing("clerk", f"iam:{action}CredentialReport"))
    if action == "Generate":
        assert client.generate_credential_report()
        with refused("AccessDenied", status=403):
            client.get_credential_report()
    else:
        with refused("ReportNotPresent", status=410):
            client.get_credential_report()
        with refused("AccessDenied", status=403):
            client.generate_credential_report()
