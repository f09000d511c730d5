"""Virtual MFA devices: credentials.md 30.1."""

from __future__ import annotations

import struct
import zlib

import pytest
from totp import Phone, code, pair

from understudy_aws.core.errors import ApiError
from understudy_aws.services.iam.credential_records import mfa_devices
from understudy_aws.services.iam.mfa_devices import verify_mfa_code
from understudy_aws.services.iam.users import users


@pytest.fixture
def ann(iam):
    return iam.create_user(UserName="Ann")["User"]


@pytest.fixture
def phone(understudy, iam, ann):
    """A device that Ann has."""
    device = Phone(understudy, iam)
    device.enable(iam, "ann")
    return device


def take(understudy, serial, text, name="ann"):
    """Take a code, as STS does."""
    database = understudy.app.database
    with database.transaction() as tx:
        verify_mfa_code(tx, users.get(tx, understudy.account, name), serial, text, understudy.clock.now())


class TestCreateVirtualMFADevice:
    def test_the_seed_is_in_its_answer_and_nowhere_else(self, iam, ann, understudy):
        made = iam.create_virtual_mfa_device(
            VirtualMFADeviceName="phone", Path="/devices/", Tags=[{"Key": "of", "Value": "ann"}]
        )["VirtualMFADevice"]
        assert {"SerialNumber", "Base32StringSeed", "QRCodePNG", "Tags"} == set(made)
        assert f"arn:aws:iam::{understudy.account}:mfa/devices/phone" == made["SerialNumber"]
        assert 64 == len(made["Base32StringSeed"])
        listed = iam.list_virtual_mfa_devices()["VirtualMFADevices"]
        assert [{"SerialNumber": made["SerialNumber"]}] == listed
        assert made["Base32StringSeed"].decode() not in repr(understudy.trail())

    def test_the_picture_is_a_png_of_black_and_white_squares(self, iam):
        """How many squares a QR code has on a side follows from the length of its text (ISO 18004)."""
        png = iam.create_virtual_mfa_device(VirtualMFADeviceName="phone")["VirtualMFADevice"]["QRCodePNG"]
        assert png.startswith(b"\x89PNG\r\n\x1a\n")
        width, height, depth, colour = struct.unpack(">IIBB", png[16:26])
        assert (width, 1, 0) == (height, depth, colour)
        # Four pixels a square and four squares of margin.
        assert 0 == (width // 4 - 8 - 17) % 4
        data = png.partition(b"IDAT")[2]
        assert (width + 7) // 8 * height + height == len(zlib.decompressobj().decompress(data))

    def test_a_name_is_taken_once_on_a_path(self, iam, refused):
        iam.create_virtual_mfa_device(VirtualMFADeviceName="phone")
        with refused("EntityAlreadyExists", "MFA device already exists.", 409):
            iam.create_virtual_mfa_device(VirtualMFADeviceName="PHONE")
        assert iam.create_virtual_mfa_device(VirtualMFADeviceName="phone", Path="/other/")

    def test_a_path_begins_and_ends_with_a_slash(self, iam, refused):
        text = (
            "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric "
            "characters and/or / characters."
        )
        for path in ("invalid/", "/invalid"):
            with refused("ValidationError", text, 400):
                iam.create_virtual_mfa_device(VirtualMFADeviceName="phone", Path=path)

    def test_tags_take_a_permission_of_their_own(self, understudy, refused):
        maker = understudy.client("iam", as_=understudy.allowing("maker", "iam:CreateVirtualMFADevice"))
        assert maker.create_virtual_mfa_device(VirtualMFADeviceName="one")
        with refused("AccessDenied", status=403):
            maker.create_virtual_mfa_device(VirtualMFADeviceName="two", Tags=[{"Key": "a", "Value": "b"}])


class TestEnableMFADevice:
    def test_it_is_the_users_from_then_on(self, iam, ann, phone):
        (mine,) = iam.list_mfa_devices(UserName="ann")["MFADevices"]
        assert {"UserName": "Ann", "SerialNumber": phone.serial} == {
            name: mine[name] for name in mine if name != "EnableDate"
        }
        (assigned,) = iam.list_virtual_mfa_devices(AssignmentStatus="Assigned")["VirtualMFADevices"]
        assert {"SerialNumber", "User", "EnableDate"} == set(assigned)
        assert {"Path", "UserName", "UserId", "Arn", "CreateDate"} == set(assigned["User"])
        assert ann["UserId"] == assigned["User"]["UserId"]
        assert [] == iam.list_virtual_mfa_devices(AssignmentStatus="Unassigned")["VirtualMFADevices"]

    def test_two_codes_that_follow_each_other_are_needed(self, understudy, iam, ann, refused):
        device = Phone(understudy, iam)
        first, second = device.code(-1), device.code()
        for codes in ((second, second), (second, first), (device.wrong(), second), (first, device.wrong())):
            with refused("InvalidAuthenticationCode", "Authentication code for device is not valid.", 403):
                iam.enable_mfa_device(
                    UserName="ann",
                    SerialNumber=device.serial,
                    AuthenticationCode1=codes[0],
                    AuthenticationCode2=codes[1],
                )
        device.enable(iam, "ann")

    @pytest.mark.parametrize(
        ("offset", "good"), [(1000, True), (1001, False), (-998, True), (-999, False), (0, True)]
    )
    def test_clocks_may_be_eight_hours_apart(self, understudy, iam, ann, refused, offset, good):
        """Both edges are recorded: credentials.md 30.1."""
        device = Phone(understudy, iam)
        if good:
            device.enable(iam, "ann", offset)
            take(understudy, device.serial, device.code(offset + 1))
            return
        with refused("InvalidAuthenticationCode"):
            device.enable(iam, "ann", offset)

    def test_a_device_has_one_user(self, iam, ann, phone, refused):
        iam.create_user(UserName="bob")
        with refused("EntityAlreadyExists", "MFA Device for user Ann already exists.", 409):
            phone.enable(iam, "ann", 2)
        with refused("EntityAlreadyExists", "MFA Device is already in use.", 409):
            phone.enable(iam, "bob", 2)

    def test_what_is_not_there_is_not_found(self, understudy, iam, ann, refused):
        device = Phone(understudy, iam)
        with refused("NoSuchEntity", "The user with name nobody cannot be found.", 404):
            device.enable(iam, "nobody")
        for serial in (device.serial + "x", "GAHT12345678", "arn:aws:iam::210987654321:mfa/phone"):
            text = f"MFA Device with serial number {serial} does not exist."
            with refused("NoSuchEntity", text, 404):
                iam.enable_mfa_device(UserName="ann", SerialNumber=serial, **pair(device.seed, device.now))

    def test_a_user_has_eight_at_most(self, understudy, iam, ann, refused):
        for number in range(8):
            Phone(understudy, iam, f"phone{number}").enable(iam, "ann")
        with refused("LimitExceeded", "Cannot exceed quota for MFADevicesPerUser: 8", 409):
            Phone(understudy, iam, "ninth").enable(iam, "ann")

    def test_who_has_a_device_gets_another_only_with_it(self, understudy, iam, ann, refused):
        """Recorded, also that it comes before the device is looked for: credentials.md 30.1."""
        own = understudy.client("iam", as_=understudy.allowing("eve", "iam:*MFADevice"))
        first, second = Phone(understudy, iam, "first"), Phone(understudy, iam, "second")
        first.enable(own, "eve")
        text = (
            "To complete this action, please ensure that you are authenticated with an MFA device that is enabled "
            "for this user."
        )
        with refused("AccessDenied", text, 403):
            second.enable(own, "eve")
        for serial in (first.serial, first.serial + "x"):
            with refused("AccessDenied", text, 403):
                own.deactivate_mfa_device(UserName="eve", SerialNumber=serial)
        first.resync(own, "eve", 2)
        second.enable(own, "ann")
        iam.deactivate_mfa_device(UserName="eve", SerialNumber=first.serial)
        first.enable(own, "eve", 4)


class TestResyncMFADevice:
    def test_a_clock_that_went_wrong_is_learnt_anew(self, understudy, iam, phone):
        with pytest.raises(ApiError, match="invalid MFA one time pass code"):
            take(understudy, phone.serial, phone.code(20))
        phone.resync(iam, "ann", 18)
        take(understudy, phone.serial, phone.code(20))
        with pytest.raises(ApiError, match="invalid MFA one time pass code"):
            take(understudy, phone.serial, phone.code())

    def test_codes_are_newer_than_those_of_the_time_before(self, iam, phone, refused):
        """Recorded: the same pair, one that overlaps it and an older one are refused."""
        for offset in (0, 1, -5):
            with refused("InvalidAuthenticationCode"):
                phone.resync(iam, "ann", offset)
        phone.resync(iam, "ann", 2)
        iam.deactivate_mfa_device(UserName="ann", SerialNumber=phone.serial)
        with refused("InvalidAuthenticationCode"):
            phone.enable(iam, "ann", 3)
        phone.enable(iam, "ann", 4)

    def test_the_device_must_be_the_users(self, iam, phone, refused):
        iam.create_user(UserName="bob")
        with refused("NoSuchEntity", "MFA Device invalid for user.", 404):
            phone.resync(iam, "bob", 2)


class TestVerifyMfaCode:
    def test_a_code_is_taken_once(self, understudy, phone):
        take(understudy, phone.serial, phone.code(1))
        take(understudy, phone.serial, phone.code())
        for offset in (0, 1):
            with pytest.raises(ApiError) as caught:
                take(understudy, phone.serial, phone.code(offset))
            assert ("AccessDenied", 403) == (caught.value.code, caught.value.status)
            assert (
                "MultiFactorAuthentication failed with invalid MFA one time pass code. "
                == caught.value.message
            )

    @pytest.mark.parametrize(("offset", "good"), [(-3, False), (-2, True), (2, True), (3, False)])
    def test_codes_of_two_steps_before_and_after_are_taken(self, understudy, phone, offset, good):
        """Recorded with a device of its own for each: credentials.md 30.1."""
        if good:
            take(understudy, phone.serial, phone.code(offset))
            return
        with pytest.raises(ApiError, match="invalid MFA one time pass code"):
            take(understudy, phone.serial, phone.code(offset))

    def test_used_codes_are_forgotten_when_they_are_too_old_anyway(self, understudy, phone):
        for _ in range(5):
            take(understudy, phone.serial, phone.code())
            understudy.clock.advance(60)
        with understudy.app.database.transaction() as tx:
            device = next(mfa_devices.scan(tx))
        assert len(device.used) <= 2

    def test_a_code_of_another_users_device_is_none(self, understudy, iam, phone):
        iam.create_user(UserName="bob")
        for serial, name in ((phone.serial, "bob"), (phone.serial + "x", "ann"), ("GAHT12345678", "ann")):
            with pytest.raises(ApiError) as caught:
                take(understudy, serial, phone.code(), name)
            assert caught.value.message == (
                "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial "
                "number is valid and associated with this user."
            )


class TestDeactivateMFADevice:
    def test_it_stays_and_is_nobodys(self, iam, phone, refused):
        iam.deactivate_mfa_device(UserName="ann", SerialNumber=phone.serial)
        assert [] == iam.list_mfa_devices(UserName="ann")["MFADevices"]
        assert [{"SerialNumber": phone.serial}] == iam.list_virtual_mfa_devices(
            AssignmentStatus="Unassigned"
        )["VirtualMFADevices"]
        with refused("NoSuchEntity", "MFA Device invalid for user.", 404):
            iam.deactivate_mfa_device(UserName="ann", SerialNumber=phone.serial)

    def test_what_is_not_there_is_not_found(self, iam, ann, understudy, refused):
        serial = f"arn:aws:iam::{understudy.account}:mfa/nonexistent-mfa"
        with refused("NoSuchEntity", f"MFA Device with serial number {serial} does not exist.", 404):
            iam.deactivate_mfa_device(UserName="ann", SerialNumber=serial)
        with refused("NoSuchEntity", "The user with name nobody cannot be found.", 404):
            iam.deactivate_mfa_device(UserName="nobody", SerialNumber=serial)


class TestDeleteVirtualMFADevice:
    def test_one_that_is_assigned_stays(self, iam, phone, refused):
        with refused("DeleteConflict", "MFA VirtualDevice in use. Must deactivate first.", 409):
            iam.delete_virtual_mfa_device(SerialNumber=phone.serial)
        iam.deactivate_mfa_device(UserName="ann", SerialNumber=phone.serial)
        iam.delete_virtual_mfa_device(SerialNumber=phone.serial)
        assert [] == iam.list_virtual_mfa_devices()["VirtualMFADevices"]
        text = f"MFA Device with serial number {phone.serial} does not exist."
        with refused("NoSuchEntity", text, 404):
            iam.delete_virtual_mfa_device(SerialNumber=phone.serial)

    def test_its_user_is_not_deleted_before_it_is_taken_away(self, iam, phone, refused):
        text = "Cannot delete entity, must remove tokens from principal first."
        with refused("DeleteConflict", text, 409):
            iam.delete_user(UserName="ann")
        iam.deactivate_mfa_device(UserName="ann", SerialNumber=phone.serial)
        iam.delete_user(UserName="ann")

    def test_a_renamed_user_keeps_it(self, iam, phone):
        iam.update_user(UserName="ann", NewUserName="Anna")
        (mine,) = iam.list_mfa_devices(UserName="anna")["MFADevices"]
        assert ("Anna", phone.serial) == (mine["UserName"], mine["SerialNumber"])


class TestGetMFADevice:
    def test_it_knows_security_keys_alone(self, iam, ann, understudy, phone, refused):
        text = (
            "The MFA device serial number sent in the request is invalid or not supported by this API. Currently, "
            "only hardware FIDO security keys are supported. Please use the compatible device or API."
        )
        with refused("ValidationError", text, 400):
            iam.get_mfa_device(UserName="ann", SerialNumber=phone.serial)
        key = f"arn:aws:iam::{understudy.account}:u2f/user/ann/key-ABCDEFGHIJ"
        with refused("NoSuchEntity", status=404):
            iam.get_mfa_device(UserName="ann", SerialNumber=key)


class TestLists:
    def test_devices_of_the_account_are_paged(self, iam, pages):
        names = [f"phone{number}" for number in range(5)]
        for name in names:
            iam.create_virtual_mfa_device(VirtualMFADeviceName=name)
        found = pages(iam.list_virtual_mfa_devices, "VirtualMFADevices")
        assert names == [each["SerialNumber"].rpartition("/")[2] for each in found]

    def test_a_users_devices_are_paged(self, understudy, iam, ann, pages):
        devices = [Phone(understudy, iam, f"phone{number}") for number in range(3)]
        for device in devices:
            device.enable(iam, "ann")
        found = pages(iam.list_mfa_devices, "MFADevices", 1, UserName="ann")
        assert [device.serial for device in devices] == [each["SerialNumber"] for each in found]

    def test_a_marker_of_another_list_is_none(self, iam, refused):
        with refused("ValidationError", "Invalid Marker.", 400):
            iam.list_virtual_mfa_devices(Marker="invalid-marker-value")

    def test_a_denial_names_them_all(self, understudy, refused):
        client = understudy.client("iam", as_=understudy.user("nobody"))
        with refused("AccessDenied", status=403) as told:
            client.list_virtual_mfa_devices()
        assert f"on resource: arn:aws:iam::{understudy.account}:mfa/ because" in told.text

    def test_another_accounts_devices_are_not_among_them(self, understudy, iam):
        iam.create_virtual_mfa_device(VirtualMFADeviceName="phone")
        other = understudy.client("iam", as_=understudy.account_administrator("210987654321"))
        assert [] == other.list_virtual_mfa_devices()["VirtualMFADevices"]


class TestTags:
    def test_keys_that_differ_in_case_stay_side_by_side(self, understudy, iam):
        device = Phone(understudy, iam)
        iam.tag_mfa_device(
            SerialNumber=device.serial,
            Tags=[{"Key": "Team", "Value": "One"}, {"Key": "team", "Value": "Two"}],
        )
        iam.untag_mfa_device(SerialNumber=device.serial, TagKeys=["Team", "absent"])
        tags = iam.list_mfa_device_tags(SerialNumber=device.serial)
        assert ([{"Key": "team", "Value": "Two"}], False) == (tags["Tags"], tags["IsTruncated"])

    def test_reserved_and_missing_ones_are_refused(self, understudy, iam, refused):
        device = Phone(understudy, iam)
        with refused("InvalidInput", "Tag keys beginning with aws: are reserved for system use.", 400):
            iam.tag_mfa_device(SerialNumber=device.serial, Tags=[{"Key": "aws:x", "Value": ""}])
        with refused("InvalidInput", "The provided tag map must not be null/empty.", 400):
            iam.tag_mfa_device(SerialNumber=device.serial, Tags=[])
        with refused("InvalidInput", "The provided tag keys must not be null/empty.", 400):
            iam.untag_mfa_device(SerialNumber=device.serial, TagKeys=[])

    def test_policies_see_them(self, understudy, iam, refused):
        device = Phone(understudy, iam)
        iam.tag_mfa_device(SerialNumber=device.serial, Tags=[{"Key": "of", "Value": "eve"}])
        statement = {
            "Effect": "Allow",
            "Action": "iam:DeleteVirtualMFADevice",
            "Resource": f"arn:aws:iam::{understudy.account}:mfa/*",
            "Condition": {"StringEquals": {"aws:ResourceTag/of": "eve"}},
        }
        eve = understudy.user("eve", {"Version": "2012-10-17", "Statement": [statement]})
        client = understudy.client("iam", as_=eve)
        other = Phone(understudy, iam, "other")
        with refused("AccessDenied", status=403):
            client.delete_virtual_mfa_device(SerialNumber=other.serial)
        client.delete_virtual_mfa_device(SerialNumber=device.serial)


def test_the_codes_are_those_of_the_rfc():
    """The test values of RFC 6238, appendix B, of which six digits are shown here."""
    seed = b"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    assert ["287082", "081804", "050471", "005924"] == [
        code(seed, time // 30) for time in (59, 1111111109, 1111111111, 1234567890)
    ]
