"""Simulated waiting times of AWS's background work and propagation, chosen by the `clock` setting."""

from __future__ import annotations

import msgspec

from understudy_aws.core.ids import uniform


class SimulatedLatency(msgspec.Struct, frozen=True):
    """Waiting times in seconds: `instant` answers 0 for all, `aws` a time within the range AWS was seen to take.

    Background work that has waited its time is done soon: with `instant`, before a server's next answer, and at the
    next `settle()` in a test. A time depends on the seed and on what it is drawn for, so that a run can be repeated.
    """

    name: str = "instant"
    seed: int = 0

    def deletion_seconds(self, task: str) -> float:
        """How long a service-linked role's deletion is under way: 7 to 70 s at AWS (service-linked-roles.md 1.5)."""
        return self._drawn("deletion", task, 7, 70)

    def account_creation_seconds(self, request: str) -> float:
        """How long an organization's new account is being made: up to some minutes at AWS, by its own account."""
        return self._drawn("account creation", request, 20, 90)

    def account_closure_seconds(self, account: str) -> float:
        """How long an account that is closed is pending closure: minutes at AWS, by what Terraform waits for."""
        return self._drawn("account closure", account, 20, 90)

    def propagation_seconds(self, id: str) -> float:
        """How long a new key or role is not yet known everywhere: some seconds at AWS."""
        return self._drawn("propagation", id, 2, 10)

    def credential_report_seconds(self, request: str) -> float:
        """How long a credential report is being made: some seconds at AWS (credentials.md 30.6)."""
        return self._drawn("credential report", request, 1, 5)

    def access_report_seconds(self, job: str) -> float:
        """How long a report of last access is being made: some seconds at AWS, by what its clients wait for."""
        return self._drawn("access report", job, 1, 10)

    def nat_gateway_seconds(self, gateway: str) -> float:
        """How long a NAT gateway is pending or deleting: one to two minutes at AWS, by what Terraform users see."""
        return self._drawn("NAT gateway", gateway, 60, 120)

    def vpc_endpoint_seconds(self, endpoint: str) -> float:
        """How long an interface endpoint is pending or deleting: up to two minutes at AWS, by what its users see."""
        return self._drawn("VPC endpoint", endpoint, 30, 120)

    def ingress_connection_seconds(self, connection: str) -> float:
        """How long a VPC ingress connection is being made, changed or deleted: Terraform waits two minutes."""
        return self._drawn("ingress connection", connection, 10, 60)

    def custom_domain_seconds(self, domain: str) -> float:
        """How long each step of a custom domain takes: minutes at AWS, as the five that Terraform waits show."""
        return self._drawn("custom domain", domain, 20, 120)

    def block_association_seconds(self, association: str) -> float:
        """How long a block of addresses is being associated or disassociated: seconds, by what Terraform users see."""
        return self._drawn("block association", association, 1, 8)

    def vpc_peering_seconds(self, connection: str) -> float:
        """How long each step of a VPC peering connection takes: some seconds at AWS, by what Terraform users see."""
        return self._drawn("VPC peering", connection, 2, 15)

    def public_access_seconds(self, what: str) -> float:
        """How long a change of VPC Block Public Access is under way: up to minutes, by what Terraform waits for."""
        return self._drawn("public access", what, 10, 90)

    def prefix_list_seconds(self, prefix_list: str) -> float:
        """How long a change of a managed prefix list takes: some seconds at AWS, by what Terraform users see."""
        return self._drawn("prefix list", prefix_list, 2, 10)

    def group_association_seconds(self, group: str) -> float:
        """How long a security group is associated with a VPC, or disassociated: seconds (prefix-lists.md 16.4)."""
        return self._drawn("group association", group, 2, 10)

    def network_analysis_seconds(self, analysis: str) -> float:
        """How long an analysis of a network path runs: up to minutes at AWS (network-insights.md 14.2)."""
        return self._drawn("network analysis", analysis, 15, 60)

    def _drawn(self, what: str, whom: str, least: float, most: float) -> float:
        if self.name != "aws":
            return 0.0
        return uniform(f"{self.seed}:{what}:{whom}", least, most)
