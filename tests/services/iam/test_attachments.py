"""Attached managed policies: service-linked-roles.md 1.3, iam.md 2.2 to 2.4, 2.6."""

from __future__ import annotations

import json

import pytest

ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
NETWORKING = "arn:aws:iam::aws:policy/aws-service-role/AppRunnerNetworkingServiceRolePolicy"
ROOT_TASK = "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials"


class Kind:
    """One kind of entity, and the operations that attach policies to it."""

    def __init__(self, iam, kind):
        self.kind = kind
        self.named = {f"{kind.title()}Name": {"user": "ann", "group": "web", "role": "builder"}[kind]}
        self._attach = getattr(iam, f"attach_{kind}_policy")
        self._detach = getattr(iam, f"detach_{kind}_policy")
        self._list = getattr(iam, f"list_attached_{kind}_policies")

    def attach(self, arn):
        self._attach(**self.named, PolicyArn=arn)

    def detach(self, arn):
        self._detach(**self.named, PolicyArn=arn)

    def list(self, **how):
        return self._list(**self.named, **how)

    def attached(self, **how):
        return [each["PolicyArn"] for each in self.list(**how)["AttachedPolicies"]]


@pytest.fixture(params=["user", "group", "role"])
def entity(request, iam, role):
    iam.create_user(UserName="ann")
    iam.create_group(GroupName="web")
    return Kind(iam, request.param)


@pytest.fixture
def own(iam, policy):
    """The ARN of a policy of the account."""
    return iam.create_policy(PolicyName="Own", Path="/apps/", PolicyDocument=policy())["Policy"]["Arn"]


class TestAttach:
    def test_twice_is_once(self, entity, own):
        entity.attach(own)
        entity.attach(own)
        entity.attach(ADMINISTRATOR)
        assert [ADMINISTRATOR, own] == entity.attached()
        assert {"PolicyName": "Own", "PolicyArn": own} == entity.list()["AttachedPolicies"][1]

    def test_ten_is_the_most(self, entity, own, iam, policy, refused):
        """Reference iam.md 2.2, 2.3."""
        for number in range(10):
            made = iam.create_policy(PolicyName=f"p{number}", PolicyDocument=policy())
            entity.attach(made["Policy"]["Arn"])
        name = f"PoliciesPer{entity.kind.title()}"
        with refused("LimitExceeded", f"Cannot exceed quota for {name}: 10", 409):
            entity.attach(own)
        # One that is attached is no further one.
        entity.attach(made["Policy"]["Arn"])

    @pytest.mark.parametrize("arn", [NETWORKING, ROOT_TASK])
    def test_what_is_reserved_for_aws_is_refused(self, entity, refused, arn):
        """Reference service-linked-roles.md 1.3."""
        text = f"Cannot attach AWS reserved policy to an IAM {entity.kind}."
        with refused("PolicyNotAttachable", text, 400):
            entity.attach(arn)
        assert [] == entity.attached()

    def test_policies_for_service_roles_are_not_reserved(self, entity):
        """Reference service-linked-roles.md 1.3: `/service-role/` attaches normally."""
        arn = "arn:aws:iam::aws:policy/service-role/AWSAppRunnerServicePolicyForECRAccess"
        entity.attach(arn)
        assert [arn] == entity.attached(PathPrefix="/service-role/")

    def test_unknown_policies_are_refused(self, entity, understudy, policy, refused):
        """Reference iam.md 2.4; another account's policy is as good as unknown."""
        other = understudy.client("iam", as_=understudy.account_administrator("210987654321"))
        theirs = other.create_policy(PolicyName="Theirs", PolicyDocument=policy())["Policy"]["Arn"]
        for arn in ("arn:aws:iam::aws:policy/NoSuchPolicy", theirs):
            with refused("NoSuchEntity", f"Policy {arn} does not exist or is not attachable.", 404):
                entity.attach(arn)

    def test_an_arn_must_be_one(self, entity, refused):
        with refused("ValidationError", "Invalid ARN:  Could not be parsed!", 400):
            entity.attach("AdministratorAccessPolicy")
        with refused("ValidationError", "Invalid ARN partition", 400):
            entity.attach("arn:aws-cn:iam::aws:policy/AdministratorAccess")

    def test_the_entity_must_exist(self, entity, refused):
        name = next(iter(entity.named))
        entity.named = {name: "nobody"}
        with refused("NoSuchEntity", f"The {entity.kind} with name nobody cannot be found.", 404):
            entity.attach(ADMINISTRATOR)


class TestDetach:
    def test_what_is_detached_is_gone(self, entity, own):
        entity.attach(own)
        entity.detach(own)
        assert [] == entity.attached()

    def test_what_is_not_attached_is_not_found(self, entity, refused):
        with refused("NoSuchEntity", f"Policy {ADMINISTRATOR} was not found.", 404):
            entity.detach(ADMINISTRATOR)


class TestListAttached:
    def test_pages_hold_every_policy_once_by_name(self, entity, own, pages):
        arns = [
            f"arn:aws:iam::aws:policy/{name}"
            for name in ("AdministratorAccess", "IAMFullAccess", "ReadOnlyAccess", "SecurityAudit")
        ]
        for arn in [own, *arns[::-1]]:
            entity.attach(arn)
        found = [each["PolicyArn"] for each in pages(entity.list, "AttachedPolicies")]
        assert [*arns[:2], own, *arns[2:]] == found

    def test_a_path_prefix_chooses(self, entity, own):
        entity.attach(own)
        entity.attach(ADMINISTRATOR)
        assert [own] == entity.attached(PathPrefix="/apps/")


class TestListEntitiesForPolicy:
    @pytest.fixture
    def used(self, iam, own, role):
        """One policy attached to a user, a group and a role, and bounding another user."""
        iam.create_user(UserName="ann", Path="/staff/")
        iam.create_user(UserName="bob", PermissionsBoundary=own)
        iam.create_group(GroupName="web")
        iam.attach_user_policy(UserName="ann", PolicyArn=own)
        iam.attach_group_policy(GroupName="web", PolicyArn=own)
        iam.attach_role_policy(RoleName="builder", PolicyArn=own)

        def found(**how):
            answer = iam.list_entities_for_policy(PolicyArn=own, **how)
            return [
                each[f"{kind}Name"] for kind in ("Group", "Role", "User") for each in answer[f"Policy{kind}s"]
            ]

        return found

    def test_without_a_usage_filter_attachments_and_boundaries_are_there(self, used):
        """Reference iam.md 2.6."""
        assert ["web", "builder", "ann", "bob"] == used()
        assert ["web", "builder", "ann"] == used(PolicyUsageFilter="PermissionsPolicy")
        assert ["bob"] == used(PolicyUsageFilter="PermissionsBoundary")

    def test_kinds_and_paths_choose(self, used):
        assert ["builder"] == used(EntityFilter="Role")
        assert ["ann", "bob"] == used(EntityFilter="User")
        assert [] == used(EntityFilter="AWSManagedPolicy")
        assert ["ann"] == used(PathPrefix="/staff/")

    def test_an_entity_is_listed_once_however_it_uses_the_policy(self, iam, used, own):
        iam.attach_user_policy(UserName="bob", PolicyArn=own)
        assert ["ann", "bob"] == used(EntityFilter="User")

    def test_pages_go_through_all_kinds(self, iam, used, own):
        seen, marker = [], {}
        while True:
            answer = iam.list_entities_for_policy(PolicyArn=own, MaxItems=1, **marker)
            seen += [each for kind in ("Group", "Role", "User") for each in answer[f"Policy{kind}s"]]
            if not answer["IsTruncated"]:
                break
            marker = {"Marker": answer["Marker"]}
        assert ["web", "builder", "ann", "bob"] == [
            each.get("GroupName") or each.get("RoleName") or each.get("UserName") for each in seen
        ]


class TestPermissions:
    """Condition keys of the Service Authorization Reference."""

    def test_which_policy_may_be_attached_can_be_limited(self, entity, understudy, policy, refused):
        guard = policy("iam:*", Condition={"ArnEquals": {"iam:PolicyARN": ADMINISTRATOR}})
        client = understudy.client("iam", as_=understudy.user("clerk", json.loads(guard)))
        limited = Kind(client, entity.kind)
        with refused("AccessDenied", status=403):
            limited.attach("arn:aws:iam::aws:policy/IAMFullAccess")
        limited.attach(ADMINISTRATOR)
        limited.detach(ADMINISTRATOR)

    @pytest.mark.parametrize("kind", ["user", "role"])
    def test_only_bounded_entities_may_be_given_more(self, iam, understudy, role, policy, refused, kind):
        """The delegation of AWS's guide: `iam:PermissionsBoundary` is the boundary the entity has."""
        boundary = "arn:aws:iam::aws:policy/ReadOnlyAccess"
        guard = policy("iam:*", Condition={"StringEquals": {"iam:PermissionsBoundary": boundary}})
        iam.create_user(UserName="ann")
        delegate = understudy.client("iam", as_=understudy.user("delegate", json.loads(guard)))
        limited = Kind(delegate, kind)
        put = getattr(delegate, f"put_{kind}_policy")
        with refused("AccessDenied", status=403):
            limited.attach(ADMINISTRATOR)
        with refused("AccessDenied", status=403):
            put(**limited.named, PolicyName="p", PolicyDocument=policy())
        getattr(iam, f"put_{kind}_permissions_boundary")(**limited.named, PermissionsBoundary=boundary)
        limited.attach(ADMINISTRATOR)
        limited.detach(ADMINISTRATOR)
        put(**limited.named, PolicyName="p", PolicyDocument=policy())
        getattr(delegate, f"delete_{kind}_policy")(**limited.named, PolicyName="p")
