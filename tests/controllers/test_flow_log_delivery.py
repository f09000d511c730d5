"""When the node is asked for the flows of logged interfaces: while anything runs whose packets it sees."""

from __future__ import annotations

import pytest
from service_records_made import made_service

from understudy_aws.controllers.flow_logs import FlowLogDelivery
from understudy_aws.services.apprunner.service_records import ServiceInstance, service_instances
from understudy_aws.services.ec2.attached_programs import AttachedProgram, attached_programs

PLACE = {"account": "000000000000", "region": "us-east-1"}


def run_program(tx, _service, _now):
    attached_programs.put(tx, AttachedProgram(**PLACE, interface="eni-1", pid=1, started="1", command="psql"))


def run_service(tx, service, now):
    service_instances.put(tx, ServiceInstance(**PLACE, service=service, id="1", version="1", created=now))


@pytest.mark.parametrize(("run", "is_due"), [(None, False), (run_program, True), (run_service, True)])
def test_flows_are_asked_for_while_a_program_or_a_service_runs(understudy, tmp_path, run, is_due):
    ec2, now = understudy.client("ec2"), understudy.clock.now()
    vpc = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
    ec2.create_flow_logs(
        ResourceIds=[vpc],
        ResourceType="VPC",
        TrafficType="ALL",
        LogGroupName="flows",
        DeliverLogsPermissionArn="arn:aws:iam::000000000000:role/flows",
    )
    service, delivery = made_service(understudy), FlowLogDelivery(tmp_path)
    with understudy.app.database.transaction() as tx:
        if run is not None:
            run(tx, service, now)
        assert is_due == bool(list(delivery.controller().due(tx, now)))
