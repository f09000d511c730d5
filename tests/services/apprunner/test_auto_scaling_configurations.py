"""Auto scaling configurations, through boto3 (apprunner.md 2.2, 2.4, 2.7, 2.8, 4.4)."""

from __future__ import annotations

import pytest
from refusals import code_and_message, refused

from understudy_aws.services.apprunner.service_uses import ServiceUse, service_uses

ARN = "arn:aws:apprunner:us-east-1:000000000000:autoscalingconfiguration"
PROVIDED = f"{ARN}/DefaultConfiguration/1/00000000000000000000000000000001"
TEAM = [{"Key": "team", "Value": "web"}]


@pytest.fixture
def apprunner(understudy):
    return understudy.client("apprunner")


def create(apprunner, name, **settings):
    return apprunner.create_auto_scaling_configuration(AutoScalingConfigurationName=name, **settings)[
        "AutoScalingConfiguration"
    ]


def describe(apprunner, arn):
    return apprunner.describe_auto_scaling_configuration(AutoScalingConfigurationArn=arn)[
        "AutoScalingConfiguration"
    ]


def delete(apprunner, arn, **more):
    return apprunner.delete_auto_scaling_configuration(AutoScalingConfigurationArn=arn, **more)[
        "AutoScalingConfiguration"
    ]


def set_default(apprunner, arn):
    return apprunner.update_default_auto_scaling_configuration(AutoScalingConfigurationArn=arn)[
        "AutoScalingConfiguration"
    ]


def listed(apprunner, **asked):
    found = apprunner.list_auto_scaling_configurations(**asked)["AutoScalingConfigurationSummaryList"]
    return [
        (each["AutoScalingConfigurationName"], each["AutoScalingConfigurationRevision"]) for each in found
    ]


def use(understudy, arn, service):
    """Write that a service uses a configuration, as services will."""
    with understudy.app.database.transaction() as tx:
        made = ServiceUse(account=understudy.account, region="us-east-1", resource=arn, service=service)
        service_uses.put(tx, made)
    return made


def end_use(understudy, made):
    with understudy.app.database.transaction() as tx:
        service_uses.delete(tx, made)


class TestCreate:
    def test_a_new_name_has_revision_1_with_the_documented_defaults(self, apprunner):
        """Reference apprunner.md 2.2: 100 requests, 1 to 25 instances; 2.4: the status is in lower case."""
        made = create(apprunner, "web-scaling")
        prefix, _, id = made.pop("AutoScalingConfigurationArn").rpartition("/")
        assert f"{ARN}/web-scaling/1" == prefix
        assert 32 == len(id)
        assert set(id) <= set("0123456789abcdef")
        del made["CreatedAt"]
        assert {
            "AutoScalingConfigurationName": "web-scaling",
            "AutoScalingConfigurationRevision": 1,
            "Latest": True,
            "Status": "active",
            "MaxConcurrency": 100,
            "MinSize": 1,
            "MaxSize": 25,
            "HasAssociatedService": False,
            "IsDefault": False,
        } == made

    def test_the_same_name_makes_the_next_revision_which_alone_is_the_latest(self, apprunner):
        first = create(apprunner, "web-scaling", MaxConcurrency=10)
        second = create(apprunner, "web-scaling", MaxConcurrency=20, MinSize=2, MaxSize=3)
        assert (2, 20, 2, 3) == (
            second["AutoScalingConfigurationRevision"],
            second["MaxConcurrency"],
            second["MinSize"],
            second["MaxSize"],
        )
        assert describe(apprunner, first["AutoScalingConfigurationArn"]) == {**first, "Latest": False}
        assert second["Latest"]

    def test_more_instances_at_least_than_at_most_are_refused(self, apprunner):
        with refused("InvalidRequestException") as told:
            create(apprunner, "web-scaling", MinSize=5, MaxSize=4)
        assert "MinSize" in told.text
        assert create(apprunner, "web-scaling", MinSize=5, MaxSize=5)["MaxSize"] == 5

    def test_more_than_25_instances_take_a_quota_nobody_has_here(self, apprunner):
        """Reference apprunner.md 2.7: the quota is raised by AWS's support alone."""
        with refused("ServiceQuotaExceededException"):
            create(apprunner, "web-scaling", MaxSize=26)

    @pytest.mark.parametrize(
        ("settings", "member"),
        [
            ({"MaxConcurrency": 0}, "maxConcurrency"),
            ({"MaxConcurrency": 201}, "maxConcurrency"),
            ({"MinSize": 0}, "minSize"),
            ({"MinSize": 26}, "minSize"),
            ({"MaxSize": 0}, "maxSize"),
        ],
    )
    def test_bounds_are_those_of_the_model(self, apprunner, settings, member):
        """Reference apprunner.md 1.1: InvalidRequestException, whichever bound it is."""
        code, message = code_and_message(
            apprunner.create_auto_scaling_configuration, AutoScalingConfigurationName="scaling", **settings
        )
        assert "InvalidRequestException" == code
        assert f"at '{member}' failed to satisfy constraint" in message

    def test_an_account_has_10_names_of_5_revisions_in_a_region(self, understudy, apprunner):
        """Reference apprunner.md 2.7. A deleted one counts no more, and another Region has its own."""
        for _ in range(5):
            last = create(apprunner, "name-0")
        with refused("ServiceQuotaExceededException"):
            create(apprunner, "name-0")
        for number in range(1, 10):
            create(apprunner, f"name-{number}")
        with refused("ServiceQuotaExceededException"):
            create(apprunner, "name-10")
        create(understudy.client("apprunner", region="eu-west-1"), "name-10")
        delete(apprunner, last["AutoScalingConfigurationArn"])
        assert create(apprunner, "name-0")["AutoScalingConfigurationRevision"] == 5
        delete(apprunner, f"{ARN}/name-9")
        create(apprunner, "name-10")


class TestProvided:
    def test_an_account_has_a_default_from_the_beginning_in_every_region(self, understudy):
        """Reference apprunner.md 1.3, 2.2."""
        for region in ("us-east-1", "eu-west-1"):
            found = understudy.client("apprunner", region=region).list_auto_scaling_configurations()
            (one,) = found["AutoScalingConfigurationSummaryList"]
            assert PROVIDED.replace("us-east-1", region) == one["AutoScalingConfigurationArn"]
            assert one["IsDefault"]
        described = describe(understudy.client("apprunner"), f"{ARN}/DefaultConfiguration")
        assert (100, 1, 25, True) == tuple(
            described[name] for name in ("MaxConcurrency", "MinSize", "MaxSize", "Latest")
        )

    def test_its_name_has_further_revisions_and_it_is_deleted_like_others(self, apprunner, understudy):
        """Reference apprunner.md 2.4: the name is not reserved any more."""
        second = create(apprunner, "DefaultConfiguration", MaxConcurrency=7)
        assert 2 == second["AutoScalingConfigurationRevision"]
        assert not describe(apprunner, PROVIDED)["Latest"]
        set_default(apprunner, second["AutoScalingConfigurationArn"])
        assert "inactive" == delete(apprunner, PROVIDED)["Status"]
        assert [("DefaultConfiguration", 2)] == listed(apprunner, LatestOnly=False)
        understudy.clock.advance(7200)
        understudy.settle()
        assert [("DefaultConfiguration", 2)] == listed(apprunner, LatestOnly=False), "it does not come back"

    def test_it_takes_tags(self, apprunner):
        apprunner.tag_resource(ResourceArn=PROVIDED, Tags=TEAM)
        assert TEAM == apprunner.list_tags_for_resource(ResourceArn=PROVIDED)["Tags"]
        assert describe(apprunner, PROVIDED)["IsDefault"]


class TestDescribe:
    def test_a_name_is_its_latest_active_revision_and_a_number_is_that_one(self, apprunner):
        """Reference apprunner.md 2.4: partial ARNs."""
        first, second = create(apprunner, "web-scaling"), create(apprunner, "web-scaling")
        assert second == describe(apprunner, f"{ARN}/web-scaling")
        assert {**first, "Latest": False} == describe(apprunner, f"{ARN}/web-scaling/1")
        delete(apprunner, second["AutoScalingConfigurationArn"])
        assert first == describe(apprunner, f"{ARN}/web-scaling")
        gone = describe(apprunner, f"{ARN}/web-scaling/2")
        assert ("inactive", False, True) == (gone["Status"], gone["Latest"], "DeletedAt" in gone)

    def test_what_is_not_there_is_not_found(self, apprunner):
        create(apprunner, "web-scaling")
        for arn in (
            f"{ARN}/other-name",
            f"{ARN}/web-scaling/2",
            f"{ARN}/web-scaling/1/{'a' * 32}",
            f"{ARN}/web-scaling".replace("us-east-1", "eu-west-1"),
        ):
            with refused("ResourceNotFoundException"):
                describe(apprunner, arn)
        with refused("AccessDeniedException"):
            describe(apprunner, f"{ARN}/web-scaling".replace("000000000000", "111122223333"))

    @pytest.mark.parametrize(
        "arn",
        [
            "arn:aws:apprunner:us-east-1:000000000000:service/web-scaling",
            "arn:aws:ec2:us-east-1:000000000000:autoscalingconfiguration/web-scaling",
            f"{ARN}/web-scaling/one",
            f"{ARN}/web-scaling/1/{'a' * 32}/x",
            f"{ARN}/web-scaling//{'a' * 32}",
        ],
    )
    def test_an_arn_of_no_configuration_is_said_to_be_none(self, apprunner, arn):
        """Reference apprunner.md 2.8."""
        expected = f"The auto scaling configuration ARN you specified isn't valid. ARN: '{arn}'"
        with refused("InvalidRequestException", expected):
            describe(apprunner, arn)


class TestList:
    def test_the_latest_of_each_name_or_all_revisions_of_one(self, apprunner):
        """Reference apprunner.md 2.2: LatestOnly is true unless told otherwise."""
        for name in ("web-scaling", "api-scaling", "web-scaling"):
            create(apprunner, name)
        default = ("DefaultConfiguration", 1)
        assert [default, ("api-scaling", 1), ("web-scaling", 2)] == listed(apprunner)
        assert [default, ("api-scaling", 1), ("web-scaling", 1), ("web-scaling", 2)] == listed(
            apprunner, LatestOnly=False
        )
        assert [("web-scaling", 2)] == listed(apprunner, AutoScalingConfigurationName="web-scaling")
        assert [("web-scaling", 1), ("web-scaling", 2)] == listed(
            apprunner, AutoScalingConfigurationName="web-scaling", LatestOnly=False
        )
        assert [] == listed(apprunner, AutoScalingConfigurationName="web-scal")

    def test_pages_make_up_the_whole_and_a_token_is_of_its_question_alone(self, apprunner):
        for number in range(4):
            create(apprunner, f"name-{number}")
        names, token = [], None
        while True:
            more = {"NextToken": token} if token else {}
            page = apprunner.list_auto_scaling_configurations(MaxResults=2, **more)
            names += [
                each["AutoScalingConfigurationName"] for each in page["AutoScalingConfigurationSummaryList"]
            ]
            token = page.get("NextToken")
            if token is None:
                break
            with refused("InvalidRequestException"):
                apprunner.list_auto_scaling_configurations(LatestOnly=False, NextToken=token)
        assert ["DefaultConfiguration", *(f"name-{number}" for number in range(4))] == names
        with refused("InvalidRequestException"):
            apprunner.list_auto_scaling_configurations(NextToken="made-up")


class TestDelete:
    def test_a_deleted_revision_is_inactive_for_an_hour_and_then_gone(self, apprunner, understudy):
        """Reference apprunner.md 2.4: it stays described for an unspecified time."""
        made = create(apprunner, "web-scaling")["AutoScalingConfigurationArn"]
        gone = delete(apprunner, made)
        assert ("inactive", False, True) == (gone["Status"], gone["Latest"], "DeletedAt" in gone)
        assert gone == describe(apprunner, made)
        with refused("InvalidRequestException"):
            delete(apprunner, made)
        understudy.clock.advance(3700)
        understudy.settle()
        with refused("ResourceNotFoundException"):
            describe(apprunner, made)

    def test_a_name_alone_deletes_the_latest_and_the_numbers_go_on_from_what_is_left(self, apprunner):
        """Reference apprunner.md 2.4: a name whose revisions are all deleted begins at 1 again."""
        create(apprunner, "web-scaling")
        create(apprunner, "web-scaling")
        assert 2 == delete(apprunner, f"{ARN}/web-scaling")["AutoScalingConfigurationRevision"]
        assert 1 == delete(apprunner, f"{ARN}/web-scaling")["AutoScalingConfigurationRevision"]
        with refused("ResourceNotFoundException"):
            delete(apprunner, f"{ARN}/web-scaling")
        assert 1 == create(apprunner, "web-scaling")["AutoScalingConfigurationRevision"]

    def test_all_revisions_go_by_the_name_alone(self, apprunner):
        """Reference apprunner.md 2.4: the text, and an answer with nothing but ARN, name and status."""
        full = create(apprunner, "web-scaling")["AutoScalingConfigurationArn"]
        create(apprunner, "web-scaling")
        text = "You cannot specify full auto scaling configuration ARN and DeleteAllRevisions as true at same time"
        for arn in (full, f"{ARN}/web-scaling/1"):
            with refused("InvalidRequestException", text):
                delete(apprunner, arn, DeleteAllRevisions=True)
        assert {
            "AutoScalingConfigurationArn": f"{ARN}/web-scaling",
            "AutoScalingConfigurationName": "web-scaling",
            "Status": "inactive",
        } == delete(apprunner, f"{ARN}/web-scaling", DeleteAllRevisions=True)
        assert [] == listed(apprunner, AutoScalingConfigurationName="web-scaling", LatestOnly=False)
        with refused("ResourceNotFoundException"):
            delete(apprunner, f"{ARN}/web-scaling", DeleteAllRevisions=True)

    def test_what_a_service_uses_stays_alone_and_with_its_name(self, apprunner, understudy):
        """Reference apprunner.md 2.8: the text of the refusal."""
        arn = create(apprunner, "web-scaling")["AutoScalingConfigurationArn"]
        other = create(apprunner, "web-scaling")["AutoScalingConfigurationArn"]
        held = use(understudy, arn, "arn:aws:apprunner:us-east-1:000000000000:service/web/1")
        assert describe(apprunner, arn)["HasAssociatedService"]
        text = (
            "You can't delete the auto scaling configuration. It's used by one or more services. To delete it, update "
            "the services to use other auto scaling configurations."
        )
        with refused("InvalidRequestException", text):
            delete(apprunner, arn)
        with refused("InvalidRequestException", text):
            delete(apprunner, f"{ARN}/web-scaling", DeleteAllRevisions=True)
        assert "active" == describe(apprunner, other)["Status"]
        end_use(understudy, held)
        assert not describe(apprunner, arn)["HasAssociatedService"]
        delete(apprunner, f"{ARN}/web-scaling", DeleteAllRevisions=True)

    def test_the_default_stays(self, apprunner):
        """Reference apprunner.md 2.8: the text of the refusal."""
        text = "You can't delete a reserved auto scaling configuration"
        with refused("InvalidRequestException", text):
            delete(apprunner, PROVIDED)
        made = create(apprunner, "web-scaling")["AutoScalingConfigurationArn"]
        set_default(apprunner, made)
        for more in ({}, {"DeleteAllRevisions": True}):
            with refused("InvalidRequestException", text):
                delete(apprunner, f"{ARN}/web-scaling", **more)


class TestDefault:
    def test_exactly_one_revision_is_the_default(self, apprunner):
        """Reference apprunner.md 2.4: any revision may be it, also one that is not the latest."""
        create(apprunner, "web-scaling")
        create(apprunner, "web-scaling")
        answered = set_default(apprunner, f"{ARN}/web-scaling/1")
        assert (1, True, False) == (
            answered["AutoScalingConfigurationRevision"],
            answered["IsDefault"],
            answered["Latest"],
        )
        found = apprunner.list_auto_scaling_configurations(LatestOnly=False)
        assert [False, True, False] == [
            each["IsDefault"] for each in found["AutoScalingConfigurationSummaryList"]
        ]
        assert set_default(apprunner, PROVIDED)["IsDefault"]
        assert not describe(apprunner, f"{ARN}/web-scaling/1")["IsDefault"]

    def test_a_deleted_revision_is_no_default(self, apprunner):
        arn = delete(apprunner, create(apprunner, "web-scaling")["AutoScalingConfigurationArn"])[
            "AutoScalingConfigurationArn"
        ]
        with refused("InvalidRequestException"):
            set_default(apprunner, arn)
        assert describe(apprunner, PROVIDED)["IsDefault"]

    def test_the_default_of_a_region_is_its_own(self, apprunner, understudy):
        set_default(apprunner, create(apprunner, "web-scaling")["AutoScalingConfigurationArn"])
        elsewhere = understudy.client("apprunner", region="eu-west-1")
        assert describe(elsewhere, PROVIDED.replace("us-east-1", "eu-west-1"))["IsDefault"]


class TestServices:
    def test_the_services_of_a_revision_are_listed_by_pages(self, apprunner, understudy):
        arn = create(apprunner, "web-scaling")["AutoScalingConfigurationArn"]
        other = create(apprunner, "web-scaling")["AutoScalingConfigurationArn"]
        services = [f"arn:aws:apprunner:us-east-1:000000000000:service/web-{n}/{n}" for n in range(3)]
        for service in services:
            use(understudy, arn, service)
        use(understudy, other, "arn:aws:apprunner:us-east-1:000000000000:service/other/1")
        ask = apprunner.list_services_for_auto_scaling_configuration
        first = ask(AutoScalingConfigurationArn=f"{ARN}/web-scaling/1", MaxResults=2)
        rest = ask(
            AutoScalingConfigurationArn=f"{ARN}/web-scaling/1", MaxResults=2, NextToken=first["NextToken"]
        )
        assert services == [*first["ServiceArnList"], *rest["ServiceArnList"]]
        assert "NextToken" not in rest
        latest = ask(AutoScalingConfigurationArn=f"{ARN}/web-scaling")["ServiceArnList"]
        assert ["arn:aws:apprunner:us-east-1:000000000000:service/other/1"] == latest
        with refused("ResourceNotFoundException"):
            ask(AutoScalingConfigurationArn=f"{ARN}/other-name")


class TestTags:
    def test_tags_are_given_at_creation_changed_and_removed(self, apprunner):
        arn = create(apprunner, "web-scaling", Tags=TEAM)["AutoScalingConfigurationArn"]
        apprunner.tag_resource(ResourceArn=arn, Tags=[{"Key": "cost", "Value": "1"}])
        apprunner.untag_resource(ResourceArn=arn, TagKeys=["team"])
        assert [{"Key": "cost", "Value": "1"}] == apprunner.list_tags_for_resource(ResourceArn=arn)["Tags"]
        delete(apprunner, arn)
        with refused("ResourceNotFoundException"):
            apprunner.list_tags_for_resource(ResourceArn=arn)


def allowing(understudy, name, action, resource, condition=None):
    """A user who may do that alone."""
    statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    if condition:
        statement["Condition"] = condition
    who = understudy.user(name, {"Version": "2012-10-17", "Statement": [statement]})
    return understudy.client("apprunner", as_=who)


class TestPermissions:
    """Reference apprunner.md 4.4."""

    def test_a_statement_for_one_name_lets_make_that_name_alone(self, understudy):
        web = allowing(understudy, "web", "apprunner:Create*", f"{ARN}/web-*/*/*")
        create(web, "web-scaling")
        with refused("AccessDeniedException"):
            create(web, "api-scaling")

    def test_tags_at_creation_need_tag_resource(self, understudy):
        who = allowing(understudy, "web", "apprunner:CreateAutoScalingConfiguration", "*")
        with refused("AccessDeniedException") as told:
            create(who, "web-scaling", Tags=TEAM)
        assert "apprunner:TagResource" in told.text

    def test_a_request_s_tags_are_conditions_of_making(self, understudy):
        who = allowing(
            understudy,
            "web",
            ["apprunner:CreateAutoScalingConfiguration", "apprunner:TagResource"],
            "*",
            {"StringEquals": {"aws:RequestTag/team": "web"}},
        )
        with refused("AccessDeniedException"):
            create(who, "web-scaling")
        create(who, "web-scaling", Tags=TEAM)

    def test_a_partial_arn_is_asked_about_as_the_revision_it_means(self, understudy, apprunner):
        """Decision 0008: a policy on full ARNs or on tags holds whichever way a revision is named."""
        for number in range(2):
            create(apprunner, "web-scaling", Tags=TEAM if number else [])
        tagged = allowing(
            understudy,
            "tagged",
            "apprunner:Describe*",
            "*",
            {"StringEquals": {"aws:ResourceTag/team": "web"}},
        )
        assert 2 == describe(tagged, f"{ARN}/web-scaling")["AutoScalingConfigurationRevision"]
        with refused("AccessDeniedException"):
            describe(tagged, f"{ARN}/web-scaling/1")
        first = allowing(understudy, "first", "apprunner:*", f"{ARN}/web-scaling/1/*")
        describe(first, f"{ARN}/web-scaling/1")
        with refused("AccessDeniedException"):
            delete(first, f"{ARN}/web-scaling")

    def test_all_revisions_of_a_name_must_each_be_allowed_to_go(self, understudy, apprunner):
        for _ in range(2):
            create(apprunner, "web-scaling")
        first = allowing(understudy, "first", "apprunner:*", f"{ARN}/web-scaling/1/*")
        with refused("AccessDeniedException"):
            delete(first, f"{ARN}/web-scaling", DeleteAllRevisions=True)
        both = allowing(understudy, "both", "apprunner:*", f"{ARN}/web-scaling/*/*")
        delete(both, f"{ARN}/web-scaling", DeleteAllRevisions=True)

    def test_lists_have_no_resource(self, understudy):
        with refused("AccessDeniedException"):
            listed(allowing(understudy, "web", "apprunner:List*", f"{ARN}/*"))
        listed(allowing(understudy, "all", "apprunner:List*", "*"))


class TestUses:
    def test_what_keeps_a_configuration_is_told(self, apprunner, understudy):
        """`understudy uses`: its services and the default hold it, as the refusals of its deletion say."""
        arn = create(apprunner, "web-scaling")["AutoScalingConfigurationArn"]
        use(understudy, arn, "arn:aws:apprunner:us-east-1:000000000000:service/web/1")
        set_default(apprunner, arn)
        uses = understudy.app.gateway.registry.uses
        with understudy.app.database.transaction() as tx:
            tree = uses.tree(tx, uses.find(tx, arn), most=10, most_nodes=100)
            provided = uses.tree(tx, uses.find(tx, PROVIDED), most=10, most_nodes=100)
        assert 2 == tree["holders"]
        assert [
            ("apprunner:service", "uses"),
            ("apprunner:default-auto-scaling", "takes"),
        ] == [(each["kind"], each["relation"]) for each in tree["used_by"]]
        assert 0 == provided["holders"]
