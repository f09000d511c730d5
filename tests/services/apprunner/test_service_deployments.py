"""What becomes of operations on services, with real processes (apprunner-services.md 2.3, docs/decisions/0030)."""

from __future__ import annotations

import pytest
from plain_sites import ONE, PUBLIC, Site, source
from plain_workloads import SERVE, commit, image, repository
from refusals import refused

from understudy_aws.gateway.durable_operations import durable_operations
from understudy_aws.services.apprunner.service_events import event_of, state_changes
from understudy_aws.services.iam.role_records import roles


@pytest.fixture
def site(tmp_path, monkeypatch):
    made = Site(tmp_path, monkeypatch)
    with made.understudy:
        yield made
    made.workloads.end()


def test_a_service_is_created_runs_and_is_deleted(site):
    """Reference apprunner-services.md 2.3."""
    arn = site.create()
    service, operation = site.ended(arn)
    assert ("RUNNING", "CREATE_SERVICE", "SUCCEEDED") == (
        service["Status"],
        operation["Type"],
        operation["Status"],
    )
    assert service["ServiceUrl"].endswith(".us-east-1.awsapprunner.localhost:4567")
    assert ["one"] == site.answers()
    site.apprunner.delete_service(ServiceArn=arn)
    service, operation = site.ended(arn)
    assert ("DELETED", "DELETE_SERVICE", "SUCCEEDED") == (
        service["Status"],
        operation["Type"],
        operation["Status"],
    )
    assert service["DeletedAt"] >= service["CreatedAt"]
    assert ([], ([], [])) == (site.answers(), site.records())
    assert [] == site.apprunner.list_services()["ServiceSummaryList"]


def test_the_domains_of_a_deleted_service_are_free(site):
    arn = site.create()
    site.ended(arn)
    site.apprunner.associate_custom_domain(ServiceArn=arn, DomainName="shop.test")
    site.apprunner.delete_service(ServiceArn=arn)
    assert "DELETED" == site.ended(arn)[0]["Status"]
    again = site.create()
    site.ended(again)
    site.apprunner.associate_custom_domain(ServiceArn=again, DomainName="shop.test")


@pytest.mark.parametrize("begun", ["created", "updated", "deployed", "resumed"])
def test_it_is_running_no_sooner_than_requests_are_led_to_a_healthy_instance(site, begun):
    """The node hears late of it: meanwhile the operation is in progress, and former instances go on with their requests."""
    if begun != "created":
        arn = site.create()
        site.ended(arn)
    if begun == "resumed":
        site.apprunner.pause_service(ServiceArn=arn)
        site.ended(arn)
    former = dict(site.workloads.ports())
    site.workloads.unled = True
    match begun:
        case "created":
            arn = site.create()
        case "updated":
            site.apprunner.update_service(ServiceArn=arn, SourceConfiguration=source("2"))
        case "deployed":
            site.apprunner.start_deployment(ServiceArn=arn)
        case "resumed":
            site.apprunner.resume_service(ServiceArn=arn)
    site.wait_for(lambda: is_switched(site))
    for _ in range(5):
        site.understudy.clock.advance(1)
        site.understudy.settle()
        assert site.described(arn)["Status"] == "OPERATION_IN_PROGRESS"
        assert former.items() <= site.workloads.ports().items()
    site.workloads.unled = False
    service, _ = site.ended(arn)
    [led] = site.workloads.led
    assert (service["Status"], [*site.workloads.ports()]) == ("RUNNING", list(led.instances))


def is_switched(site) -> bool:
    """Whether the operation that is under way has nothing left to do but to see that requests are led."""
    with site.understudy.app.database.transaction() as tx:
        return any(each.step == "lead" and each.ended is None for each in durable_operations.scan(tx))


def test_as_many_instances_run_as_the_configuration_has_at_least(site):
    made = site.apprunner.create_auto_scaling_configuration(AutoScalingConfigurationName="many", MinSize=2)
    arn = made["AutoScalingConfiguration"]["AutoScalingConfigurationArn"]
    site.ended(site.create(AutoScalingConfigurationArn=arn))
    assert ["one", "one"] == site.answers()


def test_a_failed_creation_stays_and_is_made_anew_by_an_update(site):
    """Reference apprunner-services.md 2.3: CREATE_FAILED, and an update without changes tries again."""
    arn = site.create("3")
    service, operation = site.ended(arn)
    assert ("CREATE_FAILED", "FAILED") == (service["Status"], operation["Status"])
    assert f"There is no image docker://{PUBLIC}:3." == site.reason(arn)
    assert source("3")["ImageRepository"].items() <= service["SourceConfiguration"]["ImageRepository"].items()
    assert ([], []) == site.records()
    site.images[f"docker://{PUBLIC}:3"] = image(site.directory / "three", answer="three")
    site.apprunner.update_service(ServiceArn=arn)
    service, operation = site.ended(arn)
    assert ("RUNNING", "UPDATE_SERVICE", "SUCCEEDED") == (
        service["Status"],
        operation["Type"],
        operation["Status"],
    )
    assert ["three"] == site.answers()


def test_an_update_of_what_failed_may_fail_too(site):
    arn = site.create("3")
    site.ended(arn)
    site.apprunner.update_service(ServiceArn=arn, SourceConfiguration=source("4"))
    service, operation = site.ended(arn)
    assert ("CREATE_FAILED", "UPDATE_SERVICE", "FAILED") == (
        service["Status"],
        operation["Type"],
        operation["Status"],
    )
    site.apprunner.delete_service(ServiceArn=arn)
    assert "DELETED" == site.ended(arn)[0]["Status"]


def test_an_update_replaces_instances_when_the_new_ones_are_healthy(site):
    arn = site.create()
    site.ended(arn)
    before = site.records()
    site.apprunner.update_service(ServiceArn=arn, SourceConfiguration=source("2"))
    service, operation = site.ended(arn)
    assert ("RUNNING", "SUCCEEDED") == (service["Status"], operation["Status"])
    assert f"{PUBLIC}:2" == service["SourceConfiguration"]["ImageRepository"]["ImageIdentifier"]
    assert ["two"] == site.answers()
    after = site.records()
    assert ([1, 1], []) == ([len(each) for each in after], [id for id in after[0] if id in before[0]])
    assert ("sha256:two",) == site.workloads.kept.images


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"SourceConfiguration": source("9")}, f"There is no image docker://{PUBLIC}:9."),
        (
            {"SourceConfiguration": {"ImageRepository": {
                **source("2")["ImageRepository"],
                "ImageConfiguration": {"RuntimeEnvironmentVariables": {"STATUS": "500"}}}},
             "HealthCheckConfiguration": {"Protocol": "HTTP"}},
            "The health check answered 500.",
        ),
        (
            {"SourceConfiguration": {"ImageRepository": {
                **source("2")["ImageRepository"], "ImageConfiguration": {"StartCommand": "sh -c 'exit 3'"}}}},
            "The process exited with 3.",
        ),
    ],
)  # fmt: skip
def test_an_update_that_fails_is_rolled_back(site, change, reason):
    """Reference apprunner-services.md 2.3: RUNNING with the former settings, and the former instances never stopped."""
    arn = site.create()
    former, _ = site.ended(arn)
    records = site.records()
    site.apprunner.update_service(ServiceArn=arn, **change)
    service, operation = site.ended(arn)
    assert ("UPDATE_SERVICE", "ROLLBACK_SUCCEEDED") == (operation["Type"], operation["Status"])
    assert {**former, "UpdatedAt": None} == {**service, "UpdatedAt": None}
    assert reason == site.reason(arn)
    assert (["one"], records) == (site.answers(), site.records())


def test_an_update_that_changes_nothing_that_runs_leaves_the_instances(site):
    arn = site.create()
    former, _ = site.ended(arn)
    records = site.records()
    private = {"IngressConfiguration": {"IsPubliclyAccessible": False}}
    site.apprunner.update_service(ServiceArn=arn, NetworkConfiguration=private)
    service, operation = site.ended(arn)
    assert "SUCCEEDED" == operation["Status"]
    assert "ServiceUrl" not in service
    assert records == site.records()
    site.apprunner.update_service(
        ServiceArn=arn, NetworkConfiguration={"IngressConfiguration": {"IsPubliclyAccessible": True}}
    )
    assert former["ServiceUrl"] == site.ended(arn)[0]["ServiceUrl"]


def test_other_instances_of_the_same_image_are_not_pulled_again(site):
    """Decision 0030: an update of neither source nor its settings takes the version that is deployed."""
    arn = site.create()
    site.ended(arn)
    records = site.records()
    site.images.clear()
    site.images["elsewhere"] = site.directory / "one"
    site.apprunner.update_service(ServiceArn=arn, InstanceConfiguration={"Cpu": "2048", "Memory": "4096"})
    service, operation = site.ended(arn)
    assert ("SUCCEEDED", "2048") == (operation["Status"], service["InstanceConfiguration"]["Cpu"])
    assert not set(records[0]) & set(site.records()[0])


def test_a_service_is_paused_and_resumed_with_the_version_that_ran(site):
    """Reference apprunner-services.md 2.3: no newer version is picked up."""
    arn = site.create()
    site.ended(arn)
    version = site.records()[1]
    site.apprunner.pause_service(ServiceArn=arn)
    service, operation = site.ended(arn)
    assert ("PAUSED", "PAUSE_SERVICE", "SUCCEEDED") == (
        service["Status"],
        operation["Type"],
        operation["Status"],
    )
    assert ([], ([], version)) == (site.answers(), site.records())
    del site.images[ONE]
    site.images["elsewhere"] = site.directory / "one"
    site.apprunner.resume_service(ServiceArn=arn)
    service, operation = site.ended(arn)
    assert ("RUNNING", "RESUME_SERVICE", "SUCCEEDED") == (
        service["Status"],
        operation["Type"],
        operation["Status"],
    )
    assert (["one"], version) == (site.answers(), site.records()[1])


def test_a_resumption_that_fails_leaves_the_service_paused(site):
    arn = site.create()
    site.ended(arn)
    site.apprunner.pause_service(ServiceArn=arn)
    site.ended(arn)
    (site.directory / "one" / "serve.py").write_text("raise SystemExit(4)")
    site.apprunner.resume_service(ServiceArn=arn)
    service, operation = site.ended(arn)
    assert ("PAUSED", "FAILED") == (service["Status"], operation["Status"])
    assert "The process exited with 4." == site.reason(arn)
    assert [] == site.records()[0]


class TestSourceCode:
    CONFIGURATION = f"""
version: 1.0
runtime: python311
build:
  commands:
    build:
      - cat answer > built
run:
  pre-run:
    - test -e built
  command: cp built answer && exec {SERVE}
  env:
    - name: MODE
      value: try
"""

    def create(self, site, repository, directory="/", **configuration):
        return site.create(
            SourceConfiguration={
                "CodeRepository": {
                    "RepositoryUrl": f"file://{repository}",
                    "SourceCodeVersion": {"Type": "BRANCH", "Value": "main"},
                    "SourceDirectory": directory,
                    "CodeConfiguration": configuration or {"ConfigurationSource": "REPOSITORY"},
                },
                "AuthenticationConfiguration": {"ConnectionArn": site.connection()},
            }
        )

    def test_it_is_built_and_deployed_again_when_asked(self, site, tmp_path):
        """Reference apprunner-services.md 5.5, 2.3."""
        place = repository(tmp_path / "code", **{"apprunner.yaml": self.CONFIGURATION})
        arn = self.create(site, place)
        assert "RUNNING" == site.ended(arn)[0]["Status"]
        assert ["one"] == site.answers()
        commit(place, answer="two")
        answer = site.apprunner.start_deployment(ServiceArn=arn)
        service, operation = site.ended(arn)
        assert (answer["OperationId"], "START_DEPLOYMENT", "SUCCEEDED") == (
            operation["Id"],
            operation["Type"],
            operation["Status"],
        )
        assert ("RUNNING", ["two"]) == (service["Status"], site.answers())

    def test_the_request_says_how_it_is_built_where_it_does(self, site, tmp_path):
        place = repository(tmp_path / "code")
        values = {"Runtime": "PYTHON_311", "BuildCommand": "echo built > answer", "StartCommand": SERVE}
        arn = self.create(site, place, ConfigurationSource="API", CodeConfigurationValues=values)
        assert "RUNNING" == site.ended(arn)[0]["Status"]
        assert ["built\n"] == site.answers()

    @pytest.mark.parametrize(
        ("configuration", "reason"),
        [
            (None, "There is no configuration file /apprunner.yaml in the repository."),
            ("version: 1.0\nruntime: cobol\n", "apprunner.yaml, line "),
            (CONFIGURATION.replace("cat answer > built", "exit 7"), "A command ended with 7."),
        ],
    )
    def test_what_cannot_be_built_says_why(self, site, tmp_path, configuration, reason):
        files = {} if configuration is None else {"apprunner.yaml": configuration}
        arn = self.create(site, repository(tmp_path / "code", **files))
        assert "CREATE_FAILED" == site.ended(arn)[0]["Status"]
        assert site.reason(arn).startswith(reason)

    def test_a_commit_is_deployed_by_itself_and_one_that_fails_only_once(self, site, tmp_path):
        """Reference apprunner-services.md 2.2: automatic deployments are on for source code."""
        place = repository(tmp_path / "code", **{"apprunner.yaml": self.CONFIGURATION})
        arn = self.create(site, place)
        site.ended(arn)
        self.pass_time(site)
        assert 1 == len(site.operations(arn))
        commit(place, answer="two")
        self.pass_time(site)
        service, operation = site.ended(arn)
        assert ("START_DEPLOYMENT", "SUCCEEDED") == (operation["Type"], operation["Status"])
        assert ("RUNNING", ["two"]) == (service["Status"], site.answers())
        commit(place, **{"serve.py": "raise SystemExit(5)"})
        self.pass_time(site)
        assert "ROLLBACK_SUCCEEDED" == site.ended(arn)[1]["Status"]
        for _ in range(3):
            self.pass_time(site)
        assert (3, ["two"]) == (len(site.operations(arn)), site.answers())

    def test_a_commit_beside_the_source_directory_is_not_deployed_by_itself(self, site, tmp_path):
        """Reference apprunner-services.md 5.3."""
        (tmp_path / "code/app").mkdir(parents=True)
        place = repository(tmp_path / "code", **{"app/apprunner.yaml": self.CONFIGURATION})
        arn = self.create(site, place, directory="/app")
        site.ended(arn)
        commit(place, answer="two")
        for _ in range(3):
            self.pass_time(site)
        assert (1, ["one"]) == (len(site.operations(arn)), site.answers())
        commit(place, **{"app/more": "more"})
        self.pass_time(site)
        assert "START_DEPLOYMENT" == site.ended(arn)[1]["Type"]
        assert ["two"] == site.answers()
        commit(place, answer="three")
        site.apprunner.start_deployment(ServiceArn=arn)
        site.ended(arn)
        assert ["three"] == site.answers(), "who asks for a deployment gets the whole repository"

    def test_without_automatic_deployments_nothing_is_deployed(self, site, tmp_path):
        place = repository(tmp_path / "code", **{"apprunner.yaml": self.CONFIGURATION})
        arn = self.create(site, place)
        source = site.ended(arn)[0]["SourceConfiguration"]
        site.apprunner.update_service(
            ServiceArn=arn, SourceConfiguration={**source, "AutoDeploymentsEnabled": False}
        )
        site.ended(arn)
        commit(place, answer="two")
        for _ in range(3):
            self.pass_time(site)
        assert (2, ["one"]) == (len(site.operations(arn)), site.answers())

    @staticmethod
    def pass_time(site):
        for _ in range(2):
            site.understudy.settle()
            site.understudy.clock.advance(2.5)
        site.understudy.settle()

    def test_a_deployment_that_fails_leaves_the_version_that_ran(self, site, tmp_path):
        """Reference apprunner-services.md 2.3."""
        place = repository(tmp_path / "code", **{"apprunner.yaml": self.CONFIGURATION})
        arn = self.create(site, place)
        site.ended(arn)
        commit(place, answer="two", **{"serve.py": "raise SystemExit(5)"})
        site.apprunner.start_deployment(ServiceArn=arn)
        service, operation = site.ended(arn)
        assert ("RUNNING", "ROLLBACK_SUCCEEDED") == (service["Status"], operation["Status"])
        assert ["one"] == site.answers()

    def test_a_connection_that_is_used_stays(self, site, tmp_path):
        """Reference apprunner.md 2.5."""
        arn = self.create(site, repository(tmp_path / "code", **{"apprunner.yaml": self.CONFIGURATION}))
        service, _ = site.ended(arn)
        connection = service["SourceConfiguration"]["AuthenticationConfiguration"]["ConnectionArn"]
        with refused("InvalidRequestException"):
            site.apprunner.delete_connection(ConnectionArn=connection)
        site.apprunner.delete_service(ServiceArn=arn)
        site.ended(arn)
        site.apprunner.delete_connection(ConnectionArn=connection)


def test_without_a_node_the_creation_fails(site):
    """Steps are tried again before they fail for good."""
    site.workloads.broken = True
    arn = site.create()
    service, operation = site.ended(arn)
    assert ("CREATE_FAILED", "FAILED") == (service["Status"], operation["Status"])
    assert site.reason(arn).endswith("There is no node.")


class TestEvents:
    def lines(self, site, service, stream):
        group = f"/aws/apprunner/site/{service['ServiceId']}/service"
        logs = site.understudy.client("logs")
        found = logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True)
        return [each["message"] for each in found["events"]]

    def test_what_happened_is_in_the_log_group_in_order_put_by_the_management_role(self, site):
        """Reference apprunner-services.md 5.6, apprunner.md 4.1."""
        service, _ = site.ended(site.create())
        assert [
            "Service status is set to OPERATION_IN_PROGRESS.",
            "Service creation started.",
            "Successfully pulled image from ECR.",
            "Performing health check on protocol `TCP` [Port: '8080'].",
            "Health check is successful. Routing traffic to application.",
            "Successfully routed incoming traffic to application.",
            "Service creation completed successfully.",
            "Service status is set to RUNNING.",
        ] == self.lines(site, service, "events")
        callers = {each.caller.arn for each in site.understudy.trail() if each.operation == "PutLogEvents"}
        role = "arn:aws:sts::000000000000:assumed-role/AWSServiceRoleForAppRunner/AppRunnerEvents"
        assert {role} == callers

    def test_a_failure_says_why_also_in_the_stream_of_the_deployment(self, site):
        service, operation = site.ended(site.create("3"))
        why = f"There is no image docker://{PUBLIC}:3."
        assert [why, f"Deployment with ID : {operation['Id']} failed."] == self.lines(
            site, service, "events"
        )[2:4]
        assert [f"[AppRunner] {why}"] == self.lines(site, service, f"deployment/{operation['Id']}")

    def test_state_changes_are_kept_in_eventbridges_shape(self, site):
        """Reference apprunner-services.md 5.8."""
        arn = site.create("3")
        service, _ = site.ended(arn)
        with site.understudy.app.database.transaction() as tx:
            told = [event_of(each) for each in state_changes.in_order(tx, "at")]
        assert [
            ("AppRunner Service Operation Status Change", "CreateServiceStarted"),
            ("AppRunner Service Operation Status Change", "CreateServiceFailed"),
            ("AppRunner Service Status Change", "CREATE_FAILED"),
        ] == [
            (
                each["detail-type"],
                each["detail"].get("operationStatus") or each["detail"].get("currentServiceStatus"),
            )
            for each in told
        ]
        newest = site.understudy.app.gateway.trail.newest()
        written = [
            each for each in newest if each.operation.startswith("Service") and each.service == "understudy"
        ]
        assert told == [each.parameters for each in reversed(written)]
        assert written[0].message == "site: Service status is set to CREATE_FAILED."
        assert {("aws.apprunner", arn, service["ServiceId"])} == {
            (each["source"], *each["resources"], each["detail"]["serviceId"]) for each in told
        }

    def test_lines_wait_until_the_role_may_put_them(self, site):
        """The role's policy decides; a policy of the organization or a missing role keeps lines waiting."""
        arn = site.create()
        service, _ = site.ended(arn)
        with site.understudy.app.database.transaction() as tx:
            (role,) = [each for each in roles.scan(tx) if each.name == "AWSServiceRoleForAppRunner"]
            roles.delete(tx, role)
        site.apprunner.pause_service(ServiceArn=arn)
        assert "PAUSED" == site.ended(arn)[0]["Status"]
        assert "Service pause started." not in self.lines(site, service, "events")
        with site.understudy.app.database.transaction() as tx:
            roles.put(tx, role)
        site.understudy.clock.advance(300)
        site.understudy.settle()
        assert "Service pause completed successfully." in self.lines(site, service, "events")
