"""A server killed in the middle of its work loses nothing it answered, and keeps nothing half."""

from __future__ import annotations

import threading
from collections import Counter

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from server_process import ServerProcess

from understudy_aws.gateway.trail import Trail
from understudy_aws.services import SERVICES
from understudy_aws.store.database import Database
from understudy_aws.store.sqlite import SqliteStore
from understudy_aws.store.tables import Table

pytestmark = pytest.mark.system

ONCE = Config(retries={"max_attempts": 0, "mode": "standard"}, connect_timeout=5, read_timeout=10)
TABLES = [
    table
    for service in SERVICES
    for module in service.modules()
    for table in vars(module).values()
    if isinstance(table, Table)
]


class Server(ServerProcess):
    """A server process on a state directory."""

    def __init__(self, state) -> None:
        super().__init__("--state", str(state), "--json")
        assert self.said["endpoint"]

    def client(self, service, keys):
        return boto3.client(
            service,
            region_name="us-east-1",
            endpoint_url=self.said["endpoint"],
            aws_access_key_id=keys["access_key_id"],
            aws_secret_access_key=keys["secret_access_key"],
            config=ONCE,
        )


class Writer(threading.Thread):
    """Calls until the server is gone; keeps what was answered, by request id."""

    def __init__(self, write, enough) -> None:
        super().__init__()
        self.write, self.enough = write, enough
        self.answered = {}

    def run(self) -> None:
        number = 0
        try:
            while True:
                answer = self.write(number)
                self.answered[answer["ResponseMetadata"]["RequestId"]] = answer
                number += 1
                self.enough.release()
        except BotoCoreError:
            return


def names(clients, paginator, list_name, member):
    pages = clients.get_paginator(paginator).paginate()
    return [item[member] for page in pages for item in page[list_name]]


def under_load(server, keys, round_, answers):
    """Three clients write at once until so many answers have come; then the server is killed under them."""
    iam, ec2 = server.client("iam", keys), server.client("ec2", keys)
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    enough = threading.Semaphore(0)
    writers = [
        Writer(lambda number: iam.create_user(UserName=f"user-{round_}-{number}"), enough),
        Writer(lambda _: ec2.create_network_interface(SubnetId=subnet), enough),
        Writer(lambda _: ec2.create_network_interface(SubnetId=subnet), enough),
    ]
    for writer in writers:
        writer.start()
    for _ in range(answers):
        assert enough.acquire(timeout=20)
    server.process.kill()
    for writer in writers:
        writer.join(timeout=20)
    return subnet, writers


class Answered:
    """Everything the clients were told, over all rounds."""

    def __init__(self) -> None:
        self.users, self.interfaces, self.requests = set(), {}, []

    def add(self, writers) -> None:
        for answer in (answer for writer in writers for answer in writer.answered.values()):
            self.requests.append(answer["ResponseMetadata"]["RequestId"])
            if "User" in answer:
                self.users.add(answer["User"]["UserName"])
            else:
                made = answer["NetworkInterface"]
                self.interfaces[made["NetworkInterfaceId"]] = made["PrivateIpAddress"]

    def is_there(self, iam, ec2, subnet, rounds) -> None:
        """All of it, and beyond it no more than each client had under way when the server was killed."""
        users = set(names(iam, "list_users", "Users", "UserName")) - {"Administrator"}
        assert self.users <= users
        assert len(users - self.users) <= rounds
        kept = ec2.describe_network_interfaces()["NetworkInterfaces"]
        addresses = {one["NetworkInterfaceId"]: one["PrivateIpAddress"] for one in kept}
        assert self.interfaces.items() <= addresses.items()
        assert len(addresses) - len(self.interfaces) <= 2 * rounds
        assert {1} == set(Counter(addresses.values()).values()), "no address is taken twice"
        (described,) = ec2.describe_subnets(SubnetIds=[subnet])["Subnets"]
        assert 4091 - len(kept) == described["AvailableIpAddressCount"], "a /20 less five less those taken"


def test_whatever_was_answered_is_there_after_a_kill(tmp_path):
    state, keys, answered = tmp_path / "state", None, Answered()
    for rounds, answers in enumerate((60, 130), 1):
        with Server(state) as server:
            keys = keys or server.said
            subnet, writers = under_load(server, keys, rounds, answers)
        answered.add(writers)
        with Server(state) as server:
            iam, ec2 = server.client("iam", keys), server.client("ec2", keys)
            answered.is_there(iam, ec2, subnet, rounds)
            # And the state goes on being written to.
            answered.users.add(iam.create_user(UserName=f"afterwards-{rounds}")["User"]["UserName"])
    database = Database(SqliteStore(state))
    entries = [Trail(database).find(request) for request in answered.requests]
    assert all(entry is not None and entry.outcome == "ok" for entry in entries), "the trail has them too"
    for table in TABLES:
        database.cache(table)  # reads every record, and fails on one that is half written
    database.close()
