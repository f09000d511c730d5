"""Services as records alone, for tests of what is made for a service that need not run."""

from __future__ import annotations

from understudy_aws.services.apprunner.service_records import RUNNING, Service, services
from understudy_aws.services.apprunner.service_settings.service_settings import new_settings

IMAGE = {"ImageIdentifier": "public.ecr.aws/nginx/nginx:latest", "ImageRepositoryType": "ECR_PUBLIC"}


def made_service(understudy, name="web", *, public=True, status=RUNNING, region="us-east-1"):
    """Make the record of a service that runs; returns its ARN."""
    app = understudy.app
    asked = {
        "SourceConfiguration": {"ImageRepository": IMAGE},
        "NetworkConfiguration": {"IngressConfiguration": {"IsPubliclyAccessible": public}},
    }
    at, id = app.gateway.clock.now(), app.gateway.ids.hexadecimal()
    service = Service(
        account="000000000000",
        region=region,
        name=name,
        id=id,
        status=status,
        created=at,
        updated=at,
        settings=new_settings(asked, account="000000000000", at=at),
        url=f"{id[:10]}.{region}.awsapprunner.localhost" if public else "",
    )
    with app.database.transaction() as tx:
        services.put(tx, service)
    return service.arn
