"""What should run on this machine: instances of services, and what leads requests to them.

A node makes it true. Everything is a plain value; a node reads the whole value and knows no history.
"""

from __future__ import annotations

from understudy_aws.dataplane.wanted import Value

Pairs = tuple[tuple[str, str], ...]


class HealthCheck(Value, frozen=True, kw_only=True):
    """How it is found out whether an instance is well; times are in seconds. `path` is asked for by HTTP alone."""

    protocol: str = "TCP"
    path: str = "/"
    interval: int = 5
    timeout: int = 2
    healthy_threshold: int = 1
    unhealthy_threshold: int = 5


class Program(Value, frozen=True, kw_only=True):
    """What an instance runs.

    `image` is the digest of an unpacked image (`dataplane.runtime`), whose files it sees; without one it sees this
    machine's. `source` is the id of a built source tree, which it sees at `/app` and where it starts. An empty
    `command` is the image's own. `environment` has everything but PORT. `authority` is the certificate of an authority,
    as PEM, that the program trusts besides those that it knows. `apis` names the variables that say where AWS's APIs
    are in a network of ours; where there is none they are elsewhere.
    """

    image: str = ""
    source: str = ""
    command: tuple[str, ...] = ()
    environment: Pairs = ()
    authority: str = ""
    apis: tuple[str, ...] = ()


class Instance(Value, frozen=True, kw_only=True):
    """One running copy of a service.

    `service` is an ARN, `interface` the network interface that is its only network: it starts when that is there.
    `port` is where it listens for requests. `cpu` are units, of which a processor has 1024, and `memory` megabytes.
    `log_stream` names the stream of its output in the service's log group. `credentials` is a secret by which it
    asks for the credentials of its role; empty without a role.
    """

    id: str
    service: str
    interface: str
    program: Program
    port: int
    cpu: int
    memory: int
    health_check: HealthCheck = HealthCheck()
    log_stream: str = ""
    credentials: str = ""


class PrivateEntry(Value, frozen=True, kw_only=True):
    """Where a private service is reached from inside a VPC: at these interfaces of a VPC endpoint, by this name."""

    host: str
    interfaces: tuple[str, ...]


class Service(Value, frozen=True, kw_only=True):
    """A service that requests are led to.

    `hosts` are the names that it answers to from outside; `*.` begins one that stands for those of the next level.
    `instances` are those that get new requests; others of this service finish what they have. No more than
    `max_concurrency` requests are under way in one instance. Of one that is `asleep` no instance runs: its first
    request waits, and wakes it.
    """

    arn: str
    hosts: tuple[str, ...] = ()
    instances: tuple[str, ...] = ()
    max_concurrency: int = 100
    asleep: bool = False
    private_entries: tuple[PrivateEntry, ...] = ()


class Ingress(Value, frozen=True, kw_only=True):
    """Where requests to services are taken from outside.

    Port 0 is a free one. The port that URLs have `told` is taken first; where another program has them both, a free one
    is. With a `certificate`, which is a PEM file of chain and key, requests are taken over TLS. No request may take
    longer than `request_seconds`.
    """

    host: str = "127.0.0.1"
    port: int = 4567
    told: int = 0
    certificate: str = ""
    request_seconds: int = 120


class DomainCertificate(Value, frozen=True, kw_only=True):
    """A PEM file of chain and key, by which a custom domain's names are served over TLS; `*.` may begin one."""

    names: tuple[str, ...]
    file: str


class Services(Value, frozen=True, kw_only=True):
    """Everything that should run on this machine, each in order of ids and ARNs.

    Where requests are taken over TLS, `certificates` are of names that the ingress' own certificate is not for.
    """

    instances: tuple[Instance, ...] = ()
    services: tuple[Service, ...] = ()
    ingress: Ingress = Ingress()
    certificates: tuple[DomainCertificate, ...] = ()
