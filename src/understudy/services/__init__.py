"""The services: every module that declares operations is listed here, and nowhere else."""

from understudy.services.accessanalyzer import policy_validation
from understudy.services.apprunner import tags as apprunner_tags
from understudy.services.apprunner import vpc_connectors
from understudy.services.ec2 import (
    default_vpcs,
    dhcp_options,
    internet_gateways,
    network_acls,
    network_interface_changes,
    network_interfaces,
    regions_and_zones,
    route_tables,
    security_group_permissions,
    security_groups,
    subnets,
    tags,
    vpc_attributes,
    vpc_lifecycle,
    vpcs,
)
from understudy.services.iam import (
    access_keys,
    account_aliases,
    account_summary,
    attachments,
    authorization_details,
    boundaries,
    context_keys,
    groups,
    inline_policies,
    instance_profiles,
    policies,
    roles,
    service_linked_roles,
    simulation,
    users,
)
from understudy.services.organizations import (
    account_creation,
    handshakes,
    organization,
    organizational_units,
    roots,
    service_access,
)
from understudy.services.organizations import accounts as organizations_accounts
from understudy.services.organizations import attachments as organizations_attachments
from understudy.services.organizations import policies as organizations_policies
from understudy.services.organizations import tags as organizations_tags
from understudy.services.sts import authorization_messages, caller_identity, sessions

MODULES = (
    access_keys, account_aliases, account_summary, attachments, authorization_details, boundaries, context_keys, groups,
    inline_policies, instance_profiles, policies, roles, service_linked_roles, simulation, users,
    authorization_messages, caller_identity, sessions,
    default_vpcs, dhcp_options, internet_gateways, network_acls, network_interface_changes, network_interfaces,
    regions_and_zones, route_tables, security_group_permissions, security_groups, subnets, tags, vpc_attributes,
    vpc_lifecycle, vpcs,
    apprunner_tags, vpc_connectors,
    policy_validation,
    account_creation, handshakes, organization, organizational_units, organizations_accounts,
    organizations_attachments, organizations_policies, organizations_tags, roots, service_access,
)  # fmt: skip
