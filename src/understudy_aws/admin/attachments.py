"""Attaches programs of this machine to network interfaces, for the owner."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Any

from understudy_aws.admin.errors import ConflictError, InvalidRequestError, NotFoundError
from understudy_aws.admin.requests import Attach, Detach
from understudy_aws.authn.caller import Caller
from understudy_aws.core.errors import ApiError
from understudy_aws.dataplane.processes import start_of
from understudy_aws.gateway.pipeline import Gateway
from understudy_aws.services import accounts
from understudy_aws.services.ec2.attached_programs import (
    AttachedProgram,
    attach_program,
    attached_programs,
    detach_program,
)
from understudy_aws.services.ec2.network_interfaces import NetworkInterface, network_interfaces
from understudy_aws.services.ec2.resolver_files import resolver_file
from understudy_aws.services.ec2.subnets import subnets
from understudy_aws.services.ec2.vpc_endpoints.variables import endpoint_names, endpoint_variables
from understudy_aws.services.ec2.vpcs import vpcs
from understudy_aws.store.database import Transaction

_LONGEST_COMMAND, _LONGEST_DESCRIPTION = 80, 255
# What EC2 takes in descriptions is a little more than this.
_NOT_IN_DESCRIPTIONS = re.compile(r"[^a-zA-Z0-9. _:/-]")


class Attachments:
    """Attaches and detaches; `node` is the directory of the node that makes the network."""

    def __init__(self, gateway: Gateway, node: Path) -> None:
        self._gateway = gateway
        self._node = node

    def attach(self, asked: Attach) -> Any:
        """Attach a program, and return its interface. Raises AdminError.

        An interface that is made for it is made by the administrator of the subnet's account, as EC2's API would.
        """
        started = start_of(asked.pid)
        if not started:
            raise InvalidRequestError(f"There is no process {asked.pid} on this machine.")
        if bool(asked.interface) == bool(asked.subnet):
            raise InvalidRequestError("Name either a subnet, in which an interface is made, or an interface.")
        refusal: ApiError | None = None
        answer: dict[str, Any] = {}
        with self._gateway.database.transaction() as tx:
            try:
                answer = self._attached(tx, asked, started)
            except ApiError as error:
                # Raised below, since the trail keeps what was refused as what it was.
                refusal = error
        if refusal is not None:
            raise InvalidRequestError(f"{refusal.code}: {refusal.message}") from refusal
        self._gateway.database.flush()
        return answer

    def _attached(self, tx: Transaction, asked: Attach, started: str) -> dict[str, Any]:
        """Attach a program. Raises AdminError, and ApiError when the interface for it can't be made."""
        account, region = place = _place(tx, asked.interface or asked.subnet, asked.account)
        id = asked.interface or self._made(tx, asked, region, self._administrator(tx, account))
        interface = network_interfaces.get(tx, *place, id)
        assert interface is not None, "it was found, or made, just now"
        if interface.requester_managed:
            raise ConflictError(f"{id} is managed by the service that has made it.")
        program = AttachedProgram(
            account=account, region=region, interface=id, pid=asked.pid, started=started,
            command=asked.command[:_LONGEST_COMMAND], made=not asked.interface,
        )  # fmt: skip
        try:
            attach_program(tx, interface, program, ids=self._gateway.ids, at=self._gateway.clock.now())
        except ApiError as error:
            known = attached_programs.get(tx, *place, id)
            if known is None or known.ended:
                raise ConflictError(error.message) from error
            by = f"by process {known.pid}: {known.command}"
            raise ConflictError(f"{error.message.removesuffix('.')}, {by}") from error
        endpoints = _endpoints(tx, interface, self._gateway.clock.now())
        return {
            **_described(interface),
            "resolver": resolver_file(tx, interface),
            "endpoints": endpoints,
            "endpoint_names": endpoint_names(endpoints, region),
            "account": account,
            "region": region,
            "node": str(self._node),
        }

    def detach(self, asked: Detach) -> Any:
        """Detach the program of an interface, and tell whether others can have that already. May be repeated.

        Raises NotFoundError for an interface without one.
        """
        with self._gateway.database.transaction() as tx:
            program = next(
                (
                    each
                    for each in attached_programs.scan(tx)
                    if (each.interface, each.pid) == (asked.interface, asked.pid)
                ),
                None,
            )
            if program is None:
                raise NotFoundError(f"No program of process {asked.pid} is attached to {asked.interface}.")
            if not program.ended:
                detach_program(tx, program)
            free = attached_programs.get(tx, *attached_programs.key(program)) is None
        self._gateway.database.flush()
        return {"interface": asked.interface, "deleted": program.made, "free": free}

    def _made(self, tx: Transaction, asked: Attach, region: str, caller: Caller) -> str:
        """Make an interface, and return its id. Raises ApiError."""
        description = _NOT_IN_DESCRIPTIONS.sub(" ", f"understudy attach: {asked.command}")[
            :_LONGEST_DESCRIPTION
        ]
        params: dict[str, Any] = {"subnet_id": asked.subnet, "description": description}
        if asked.groups:
            params["groups"] = list(asked.groups)
        if asked.address:
            params["private_ip_address"] = asked.address
        answer = self._gateway.perform(caller, "ec2", "CreateNetworkInterface", params, region=region, tx=tx)
        return str(answer["NetworkInterface"]["NetworkInterfaceId"])

    def _administrator(self, tx: Transaction, account: str) -> Caller:
        for key in accounts.keys_of_administrator(tx, account):
            credential = self._gateway.credentials.credential(tx, key.id)
            if credential is not None:
                return credential.caller
        raise InvalidRequestError(f"The administrator of account {account} has no active access key.")


def _place(tx: Transaction, id: str, account: str) -> tuple[str, str]:
    """Return the account and the Region of a subnet or an interface, of an account if one is named.

    Raises NotFoundError.
    """
    if account and accounts.accounts.get(tx, account) is None:
        known = ", ".join(each.id for each in accounts.in_order(tx))
        raise NotFoundError(f"There is no account {account}; there is {known or 'none yet'}.")
    table = network_interfaces if id.startswith("eni-") else subnets
    for record in table.scan(tx):
        if record.id == id and account in ("", record.account):
            return record.account, record.region
        if record.id == id:
            raise NotFoundError(f"{id} is account {record.account}'s, and not {account}'s.")
    kind = "interface" if table is network_interfaces else "subnet"
    raise NotFoundError(f"There is no {kind} {id} here, in any account or Region.")


def _endpoints(tx: Transaction, interface: NetworkInterface, now: datetime) -> dict[str, str]:
    """Return the addresses at which private DNS has services in an interface's VPC, by variable."""
    vpc = vpcs.get(tx, interface.account, interface.region, interface.vpc)
    return endpoint_variables(tx, vpc, now) if vpc is not None else {}


def _described(interface: NetworkInterface) -> dict[str, Any]:
    return {
        "interface": interface.id,
        "subnet": interface.subnet,
        "vpc": interface.vpc,
        "addresses": [*interface.addresses, *interface.ipv6_addresses],
        "groups": [group for group, _ in interface.groups],
    }
