"""Policies of VPC endpoints: the one that allows everything, and what is refused in another (vpc-endpoints.md 15.2)."""

from __future__ import annotations

from understudy_aws.core.arn import PARTITION
from understudy_aws.data.vpc_endpoint_services import EndpointService
from understudy_aws.policy import MalformedPolicy, review
from understudy_aws.services.ec2.vpc_endpoints import errors
from understudy_aws.services.ec2.vpc_endpoints.records import VpcEndpoint

# PrivateLink quotas; white space counts.
LONGEST_POLICY = 20_480

# As AWS spells them, to the blank behind the commas.
_OF_GATEWAYS = (
    '{"Version":"2008-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}'
)
_OF_INTERFACES = (
    '{\n  "Statement": [\n    {\n      "Action": "*", \n      "Effect": "Allow", \n      "Principal": "*", \n'
    '      "Resource": "*"\n    }\n  ]\n}'
)


def reviewed(text: str, service: EndpointService) -> str:
    """Return a policy that an endpoint to this service may have. Raises InvalidPolicyDocument, InvalidParameter."""
    if not service.takes_policies:
        raise errors.policy_not_supported(service.name)
    if len(text) > LONGEST_POLICY:
        raise errors.malformed_policy(f"It has more than {LONGEST_POLICY} characters.")
    try:
        review(text, "resource", partition=PARTITION)
    except MalformedPolicy as error:
        at = error.position
        where = f"Syntax error at position ({at.line},{at.column})" if at is not None else error.message
        raise errors.malformed_policy(where) from error
    return text


def shown_policy(endpoint: VpcEndpoint) -> str:
    """Return the policy of an endpoint as answers show it."""
    return endpoint.policy or (_OF_GATEWAYS if endpoint.is_gateway else _OF_INTERFACES)
