"""Passwords of users: credentials.md 30.2."""

from __future__ import annotations

import pytest

from understudy_aws.services.iam.credential_records import login_profiles

GOOD, BETTER = "Correct-Horse-9", "Battery-Staple-7"


@pytest.fixture
def ann(iam):
    return iam.create_user(UserName="Ann")["User"]


@pytest.fixture
def profile(iam, ann):
    return iam.create_login_profile(UserName="ann", Password=GOOD)["LoginProfile"]


@pytest.fixture
def eve(understudy, iam):
    """The client of a user who may change her password, and has one."""
    client = understudy.client("iam", as_=understudy.allowing("eve", "iam:ChangePassword"))
    iam.create_login_profile(UserName="eve", Password=GOOD, PasswordResetRequired=True)
    return client


class TestCreateLoginProfile:
    def test_it_says_since_when_and_not_what(self, iam, ann, profile):
        assert {"UserName", "CreateDate", "PasswordResetRequired"} == set(profile)
        assert ("Ann", False) == (profile["UserName"], profile["PasswordResetRequired"])
        assert profile == iam.get_login_profile(UserName="ANN")["LoginProfile"]

    def test_the_password_is_kept_as_a_hash_and_told_nowhere(self, understudy, iam, profile):
        iam.update_login_profile(UserName="ann", Password=BETTER)
        kept = []
        with understudy.app.database.transaction() as tx:
            kept += [repr(each) for each in login_profiles.scan(tx)]
            kept += [str(login_profiles.encode(each)) for each in login_profiles.scan(tx)]
        assert 2 == len(kept)
        for text in (*kept, repr(understudy.trail())):
            assert GOOD not in text
            assert BETTER not in text

    def test_a_user_has_one(self, iam, profile, refused):
        with refused("EntityAlreadyExists", "Login Profile for user Ann already exists.", 409):
            iam.create_login_profile(UserName="ann", Password=BETTER)

    def test_the_user_must_exist(self, iam, refused):
        with refused("NoSuchEntity", "The user with name nonexistent-user cannot be found.", 404):
            iam.create_login_profile(UserName="nonexistent-user", Password=GOOD)

    def test_a_password_is_needed(self, iam, ann, refused):
        with refused("ValidationError", status=400):
            iam.create_login_profile(UserName="ann")

    def test_a_length_of_sign_in_sessions_is_shown_when_it_is_set(self, iam, ann):
        made = iam.create_login_profile(UserName="ann", Password=GOOD, MaxSigninSessionDuration=7200)
        assert 7200 == made["LoginProfile"]["MaxSigninSessionDuration"]
        iam.update_login_profile(UserName="ann", ResetMaxSigninSessionDuration=True)
        assert "MaxSigninSessionDuration" not in iam.get_login_profile(UserName="ann")["LoginProfile"]

    @pytest.mark.parametrize(
        ("password", "short", "more", "kinds"),
        [
            ("Abc-12", True, 0, ()),
            ("only-lower", False, 1, ("uppercase letter", "number")),
            ("abcdefgh1", False, 1, ("uppercase letter", "symbol")),
            ("abc", True, 2, ("uppercase letter", "number", "symbol")),
        ],
    )
    def test_without_a_policy_aws_has_its_own(self, iam, ann, refused, password, short, more, kinds):
        """The first and the third text are observed, the others are put together alike: credentials.md 30.2."""
        said = ["Password should have a minimum length of 8"] if short else []
        if more:
            wanted = ", ".join(f"Password should have at least one {kind}" for kind in kinds)
            said.append(f"Password should meet {more} more of the following requirements: {wanted}")
        with refused("PasswordPolicyViolation", ", ".join(said), 400):
            iam.create_login_profile(UserName="ann", Password=password)

    def test_a_password_is_not_the_name_of_the_account(self, iam, ann, refused):
        iam.create_account_alias(AccountAlias="my-account-9")
        iam.update_account_password_policy()
        iam.delete_account_password_policy()
        with refused("PasswordPolicyViolation"):
            iam.create_login_profile(UserName="ann", Password="my-account-9")


class TestUpdateLoginProfile:
    def test_what_is_left_out_stays(self, iam, ann):
        """Recorded: credentials.md 30.2."""
        iam.create_login_profile(UserName="ann", Password=GOOD, PasswordResetRequired=True)
        iam.update_login_profile(UserName="ann")
        iam.update_login_profile(UserName="ann", Password=BETTER)
        assert iam.get_login_profile(UserName="ann")["LoginProfile"]["PasswordResetRequired"]
        iam.update_login_profile(UserName="ann", PasswordResetRequired=False)
        assert not iam.get_login_profile(UserName="ann")["LoginProfile"]["PasswordResetRequired"]

    def test_a_user_without_one_is_told(self, iam, ann, refused):
        for call in (iam.update_login_profile, iam.get_login_profile, iam.delete_login_profile):
            with refused("NoSuchEntity", "Login Profile for User Ann cannot be found.", 404):
                call(UserName="ann")

    def test_a_length_is_not_set_and_reset_at_once(self, iam, profile, refused):
        with refused("InvalidInput", status=400):
            iam.update_login_profile(
                UserName="ann", MaxSigninSessionDuration=3600, ResetMaxSigninSessionDuration=True
            )


class TestDeleteLoginProfile:
    def test_the_user_is_not_deleted_before(self, iam, profile, refused):
        """Observed: credentials.md 30.2."""
        with refused("DeleteConflict", "Cannot delete entity, must delete login profile first.", 409):
            iam.delete_user(UserName="ann")
        iam.delete_login_profile(UserName="ann")
        iam.delete_user(UserName="ann")

    def test_a_renamed_user_keeps_it(self, iam, profile):
        iam.update_user(UserName="ann", NewUserName="Anna")
        assert "Anna" == iam.get_login_profile(UserName="anna")["LoginProfile"]["UserName"]


class TestChangePassword:
    def test_it_ends_that_a_password_must_be_changed(self, iam, eve):
        """Recorded: credentials.md 30.2."""
        eve.change_password(OldPassword=GOOD, NewPassword=BETTER)
        assert not iam.get_login_profile(UserName="eve")["LoginProfile"]["PasswordResetRequired"]

    def test_the_old_one_must_be_right_and_the_new_one_another(self, eve, refused):
        for old, new in ((BETTER, BETTER + "x"), (GOOD, GOOD)):
            with refused("AccessDenied", status=403):
                eve.change_password(OldPassword=old, NewPassword=new)
        eve.change_password(OldPassword=GOOD, NewPassword=BETTER)
        with refused("AccessDenied", status=403):
            eve.change_password(OldPassword=GOOD, NewPassword=BETTER + "x")

    def test_the_policy_counts(self, iam, eve, refused):
        iam.update_account_password_policy(MinimumPasswordLength=20)
        with refused("PasswordPolicyViolation", "Password should have a minimum length of 20", 400):
            eve.change_password(OldPassword=GOOD, NewPassword=BETTER)

    def test_who_has_none_cannot_change_it(self, understudy, refused):
        client = understudy.client("iam", as_=understudy.allowing("bob", "iam:ChangePassword"))
        with refused("NoSuchEntity", "Login Profile for User bob cannot be found.", 404):
            client.change_password(OldPassword=GOOD, NewPassword=BETTER)

    def test_a_role_has_none(self, understudy, refused):
        session = understudy.role(
            "changer",
            {
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Action": "iam:ChangePassword", "Resource": "*"}],
            },
        )
        with refused("InvalidUserType", status=400):
            understudy.client("iam", as_=session).change_password(OldPassword=GOOD, NewPassword=BETTER)

    def test_one_that_has_expired_can_be_changed_even_if_the_console_would_not(self, understudy, iam, eve):
        """Documented with HardExpiry: credentials.md 30.2."""
        iam.update_account_password_policy(MaxPasswordAge=1, HardExpiry=True)
        understudy.clock.advance(3 * 86400)
        eve.change_password(OldPassword=GOOD, NewPassword=BETTER)


class TestAllowUsersToChangePassword:
    @pytest.fixture
    def bob(self, understudy, iam):
        client = understudy.client("iam", as_=understudy.user("bob"))
        iam.create_login_profile(UserName="bob", Password=GOOD)
        return client

    def test_whoever_has_no_permission_is_denied(self, bob, refused):
        with refused("AccessDenied", status=403):
            bob.change_password(OldPassword=GOOD, NewPassword=BETTER)

    def test_the_policy_of_the_account_gives_it_to_all_users(self, iam, bob, refused):
        """It gives them `iam:ChangePassword` of themselves and `iam:GetAccountPasswordPolicy`."""
        iam.update_account_password_policy(AllowUsersToChangePassword=True)
        assert bob.get_account_password_policy()["PasswordPolicy"]["AllowUsersToChangePassword"]
        bob.change_password(OldPassword=GOOD, NewPassword=BETTER)
        with refused("AccessDenied", status=403):
            bob.get_login_profile(UserName="bob")
        with refused("AccessDenied", status=403):
            bob.delete_account_password_policy()
        iam.update_account_password_policy()
        with refused("AccessDenied", status=403):
            bob.change_password(OldPassword=BETTER, NewPassword=GOOD)

    def test_a_deny_goes_before_it(self, iam, bob, policy, refused):
        iam.update_account_password_policy(AllowUsersToChangePassword=True)
        iam.put_user_policy(
            UserName="bob", PolicyName="no", PolicyDocument=policy("iam:ChangePassword", effect="Deny")
        )
        with refused("AccessDenied", status=403):
            bob.change_password(OldPassword=GOOD, NewPassword=BETTER)


class TestPasswordPolicy:
    def test_there_is_none_at_first(self, iam, understudy, refused):
        text = f"The Password Policy with domain name {understudy.account} cannot be found."
        with refused("NoSuchEntity", text, 404):
            iam.get_account_password_policy()
        text = "The account policy with name PasswordPolicy cannot be found."
        with refused("NoSuchEntity", text, 404):
            iam.delete_account_password_policy()

    def test_what_is_left_out_gets_its_default(self, iam):
        """Recorded, also what is not shown: credentials.md 30.2."""
        iam.update_account_password_policy(
            MinimumPasswordLength=10,
            RequireSymbols=True,
            RequireNumbers=True,
            RequireUppercaseCharacters=True,
            RequireLowercaseCharacters=True,
            AllowUsersToChangePassword=True,
            MaxPasswordAge=60,
            PasswordReusePrevention=3,
            HardExpiry=True,
        )
        assert {
            "AllowUsersToChangePassword": True,
            "ExpirePasswords": True,
            "HardExpiry": True,
            "MaxPasswordAge": 60,
            "MinimumPasswordLength": 10,
            "PasswordReusePrevention": 3,
            "RequireLowercaseCharacters": True,
            "RequireNumbers": True,
            "RequireSymbols": True,
            "RequireUppercaseCharacters": True,
        } == iam.get_account_password_policy()["PasswordPolicy"]
        iam.update_account_password_policy()
        assert {
            "AllowUsersToChangePassword": False,
            "ExpirePasswords": False,
            "MinimumPasswordLength": 6,
            "RequireLowercaseCharacters": False,
            "RequireNumbers": False,
            "RequireSymbols": False,
            "RequireUppercaseCharacters": False,
        } == iam.get_account_password_policy()["PasswordPolicy"]

    def test_numbers_have_bounds(self, iam, refused):
        """Recorded."""
        text = (
            "3 validation errors detected: Value at 'minimumPasswordLength' failed to satisfy constraint: Member "
            "must have value less than or equal to 128; Value at 'passwordReusePrevention' failed to satisfy "
            "constraint: Member must have value less than or equal to 24; Value at 'maxPasswordAge' failed to "
            "satisfy constraint: Member must have value less than or equal to 1095"
        )
        with refused("ValidationError", status=400) as told:
            iam.update_account_password_policy(
                MinimumPasswordLength=129, PasswordReusePrevention=25, MaxPasswordAge=1096
            )
        assert text.partition(": ")[0] == told.text.partition(": ")[0]
        assert sorted(text.partition(": ")[2].split("; ")) == sorted(told.text.partition(": ")[2].split("; "))

    @pytest.mark.parametrize(
        ("asked", "text"),
        [
            ({"MinimumPasswordLength": 7}, "Password should have a minimum length of 7"),
            ({"RequireSymbols": True}, "Password should have at least one symbol"),
            ({"RequireNumbers": True}, "Password should have at least one number"),
            ({"RequireUppercaseCharacters": True}, "Password should have at least one uppercase letter"),
            (
                {"RequireUppercaseCharacters": True, "RequireNumbers": True},
                "Password should have at least one uppercase letter, Password should have at least one number",
            ),
        ],
    )
    def test_it_is_enforced(self, iam, ann, refused, asked, text):
        iam.update_account_password_policy(**asked)
        with refused("PasswordPolicyViolation", text, 400):
            iam.create_login_profile(UserName="ann", Password="abcdef")
        iam.create_login_profile(UserName="ann", Password="aBc-ef7")

    def test_lower_case_letters_are_asked_for(self, iam, ann, refused):
        iam.update_account_password_policy(RequireLowercaseCharacters=True)
        with refused("PasswordPolicyViolation", "Password should have at least one lowercase letter", 400):
            iam.create_login_profile(UserName="ann", Password="ABCDEF")

    def test_earlier_passwords_are_not_used_again(self, iam, profile, refused):
        iam.update_account_password_policy(PasswordReusePrevention=2)
        with refused("PasswordPolicyViolation", status=400):
            iam.update_login_profile(UserName="ann", Password=GOOD)
        iam.update_login_profile(UserName="ann", Password=BETTER)
        for each in (GOOD, BETTER):
            with refused("PasswordPolicyViolation", status=400):
                iam.update_login_profile(UserName="ann", Password=each)
        iam.update_login_profile(UserName="ann", Password="Another-Word-5")
        iam.update_login_profile(UserName="ann", Password=GOOD)

    def test_it_is_the_accounts_alone(self, understudy, iam, refused):
        iam.update_account_password_policy()
        other = understudy.client("iam", as_=understudy.account_administrator("210987654321"))
        with refused("NoSuchEntity"):
            other.get_account_password_policy()
