"""AWS Security Token Service: temporary credentials."""

from understudy_aws.gateway.service import Service

SERVICE = Service(id="sts", principal="sts.amazonaws.com", prefix="sts", protocol="query", package=__name__)
