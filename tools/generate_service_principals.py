"""Writes the names of the service principals that AWS has, without their ending `.amazonaws.com`.

    python tools/generate_service_principals.py

Needs botocore. AWS publishes no list. A name is written down when one of these has it: the service catalogue's
prefixes; the table of service-linked roles; AWS's managed policies, which name principals in full; botocore's
endpoints and signing names; and the list of further names below. The first and the fourth hold prefixes of services
that no policy may ever name as a principal: a name too many lets a document pass that AWS refuses, a name too few
refuses one that AWS takes, which is worse. One file comes out, `service_principals.txt`, with one name per line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import botocore.session
from botocore.exceptions import UnknownServiceError
from botocore.loaders import Loader

from understudy_aws.data import managed_policies, service_catalogue, service_linked_roles

_FILE = Path(__file__).parents[1] / "src" / "understudy_aws" / "data" / "service_principals.txt"
_NAMED = re.compile(r'"([a-z0-9]+(?:[.-][a-z0-9]+)*)\.amazonaws\.com"')

# Principals that AWS's guides or public policies name, and none of the other sources has.
_FURTHER = """
    access-grants.s3 aiops.alarms.cloudwatch airflow-env application.opensearchservice automation
    aws-artifact-account-sync batchoperations.s3 billing-cost-management billingconsole
    billingreports build.apprunner cloudwatch-crossaccount codestar-connections costalerts
    credentials.iot datazonecontrol ddp.shield diode directquery.opensearchservice
    dms-data-migrations dnssec-route53 drt.shield ec ec2-images ecs-tasks edgelambda
    eks-fargate-pods export.rds exportv2.securityhub hyperpod.sagemaker job.sagemaker
    lambda.alarms.cloudwatch logging.s3 maintenance.s3tables malware-protection-plan.guardduty
    meetings.chime ml.opensearchservice mobilehub monitoring.rds osis-pipelines pods.eks
    purchaseorders qapps replication.s3tables resources.cloudformation scheduler.redshift
    schema-conversion.dms serverlessrepo ssm.integrations streams.metrics.cloudwatch tagpolicies.tag
    tasks.apprunner telemetry-pipelines.observabilityadmin tts vmie vpc-flow-logs wam worklink
"""

# Endpoints that AWS was seen to refuse as principals: hashicorp/terraform#35086.
_REFUSED = {"tagging"}


def _names() -> Iterator[str]:
    yield from service_catalogue.everything()
    for role in service_linked_roles.catalogue():
        yield role.principal.removesuffix(".amazonaws.com")
    for policy in managed_policies.everything():
        yield from _NAMED.findall(policy.document)
    yield from _of_botocore()


def _of_botocore() -> Iterator[str]:
    loader = Loader()
    for service in botocore.session.get_session().get_available_services():
        try:
            metadata = loader.load_service_model(service, "service-2")["metadata"]
        except UnknownServiceError:
            continue
        for name in (metadata.get("signingName"), metadata.get("endpointPrefix")):
            if name:
                yield name


def main() -> None:
    """Write the file."""
    names = {name.lower() for name in _names()} | set(_FURTHER.split())
    names -= _REFUSED
    _FILE.write_text("".join(f"{name}\n" for name in sorted(names)), "utf-8")
    print(f"{len(names)} names written to {_FILE}")


if __name__ == "__main__":
    main()
