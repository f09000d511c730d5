"""The policies of the questions in Cedar, translated by hand, for cedarpy and cedar-wasm.

Cedar has no wildcards in actions and entity names, so a request carries its action and resource as text in the context
too, for `like`. A layer that only limits becomes a `forbid … unless`; one that allows everything becomes nothing.
"""

from __future__ import annotations

CEDAR = {
    "seed": """
permit(principal, action in [
  Action::"ec2:DescribeNetworkInterfaces", Action::"ec2:DescribeVpcs", Action::"ec2:DescribeDhcpOptions",
  Action::"ec2:DescribeSubnets", Action::"ec2:DescribeSecurityGroups"], resource);
permit(principal, action == Action::"ec2:CreateNetworkInterface", resource)
when { !(context has "aws:TagKeys") || ["AWSAppRunnerManaged"].containsAll(context["aws:TagKeys"]) };
permit(principal, action == Action::"ec2:CreateTags", resource)
when {
  context.resource like "arn:aws:ec2:*:*:network-interface/*" &&
  context has "aws:RequestTag/AWSAppRunnerManaged" &&
  context["aws:RequestTag/AWSAppRunnerManaged"] like "*" &&
  context has "ec2:CreateAction" && context["ec2:CreateAction"] == "CreateNetworkInterface" };
permit(principal, action == Action::"ec2:DeleteNetworkInterface", resource)
when { context has "ec2:ResourceTag/AWSAppRunnerManaged" };
""",
    "full": "",
    "ec2-only": 'forbid(principal, action, resource) unless { context.action like "ec2:*" };\n',
    "guard": """
forbid(principal, action, resource)
when {
  context.action like "ec2:*" &&
  !(context has "aws:RequestedRegion" && ["us-east-1", "eu-west-1"].contains(context["aws:RequestedRegion"])) };
""",
}


def cedar_wide(number):
    """Twenty policies: nineteen permits under a condition and one forbid."""
    service = f"svc{number}"
    permits = [
        f"""
permit(principal, action, resource)
when {{
  (context.action like "{service}:Get{n}*" || context.action == "{service}:Put{n}" ||
   context.action == "s3:GetObject") &&
  (context.resource like "arn:aws:s3:::bucket-{number}-{n}/*" ||
   context.resource like "arn:aws:{service}:*:*:thing/{n}-*") &&
  context has "aws:PrincipalTag/team" &&
  (context["aws:PrincipalTag/team"] == "team-{n}" || context["aws:PrincipalTag/team"] like "squad-{n}-*") }};
"""
        for n in range(19)
    ]
    forbid = f"""
forbid(principal, action, resource)
when {{ context.action like "{service}:Delete*" && context.resource like "arn:aws:{service}:*:*:thing/0-*" }};
"""
    return "".join([*permits, forbid])


def cedar_home(number):
    """One principal's own permit."""
    return (
        "permit(principal, action, resource)\n"
        f'when {{ context.action like "s3:*" && context.resource like "arn:aws:s3:::home-{number}/*" }};\n'
    )
