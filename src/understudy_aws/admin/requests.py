"""The requests of the administrative API, one type each, and how a client sends them over HTTP.

This module imports nothing else of Understudy's, so that the command line can load it quickly.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import quote, urlencode

import msgspec

# The format of this API, which tells the older one where server and client are of two builds (`build.py`). Servers
# older than format 2 do not tell theirs, and those older than 3 no build.
FORMAT = 3


class AdminRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A request to the administrative API; its fields are its parameters.

    `methods` are the HTTP methods it is sent with, the usual one first, and `path` is its path. With GET, the
    parameters are in the query string, and one written `{id}` is in the path. With POST, they are in a JSON body.
    A `public` request needs no token.
    """

    methods: ClassVar[tuple[str, ...]] = ("GET",)
    path: ClassVar[str]
    public: ClassVar[bool] = False


class Health(AdminRequest, frozen=True):
    """Tells that the server is alive, and the formats it knows."""

    path: ClassVar[str] = "/_understudy/health"
    public: ClassVar[bool] = True


class Ready(AdminRequest, frozen=True):
    """Tells whether the server can answer AWS requests: it needs an account for that, and a store that takes writes."""

    path: ClassVar[str] = "/_understudy/ready"
    public: ClassVar[bool] = True


class LocalstackHealth(AdminRequest, frozen=True):
    """Lists the services. Many tools look for a local AWS at this address."""

    path: ClassVar[str] = "/_localstack/health"
    public: ClassVar[bool] = True


class Status(AdminRequest, frozen=True):
    """Describes what the state holds and the settings of the server."""

    path: ClassVar[str] = "/_understudy/status"


class Reset(AdminRequest, frozen=True):
    """Deletes everything and creates the first account anew. Its administrator keeps its keys unless told otherwise."""

    methods: ClassVar[tuple[str, ...]] = ("POST",)
    path: ClassVar[str] = "/_understudy/reset"

    keep_keys: bool = True


class AddAccount(AdminRequest, frozen=True):
    """Creates an account with this id of 12 digits."""

    methods: ClassVar[tuple[str, ...]] = ("POST",)
    path: ClassVar[str] = "/_understudy/accounts"

    id: str


class ListAccounts(AdminRequest, frozen=True):
    """Lists the accounts, the first one made first, and how one gets into each."""

    path: ClassVar[str] = "/_understudy/accounts"


class RotateKeys(AdminRequest, frozen=True):
    """Gives an account's administrator a new access key and deletes the old ones."""

    methods: ClassVar[tuple[str, ...]] = ("POST",)
    path: ClassVar[str] = "/_understudy/rotate-keys"

    id: str


class ListTrail(AdminRequest, frozen=True):
    """Lists the latest calls, newest first: of one account, caller or service, or of all, `before` a number.

    `refused` asks for those alone that were refused for who called, or were carried out only because IAM is not strict.
    """

    path: ClassVar[str] = "/_understudy/trail"

    account: str | None = None
    as_: str = msgspec.field(name="as", default="")
    service: str = ""
    refused: bool = False
    since: str = ""
    until: str = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 100
    before: Annotated[int, msgspec.Meta(ge=1, le=2**62)] | None = None


class ExplainRequest(AdminRequest, frozen=True):
    """Explains a request that was made, by its id, the beginning of it, or EC2's encoded authorization message."""

    path: ClassVar[str] = "/_understudy/requests/{id}"

    id: str


class ExplainCall(AdminRequest, frozen=True):
    """Explains the call that a text means: an id, a number of the trail, or the text of an error.

    An empty text means the latest call that was refused.
    """

    methods: ClassVar[tuple[str, ...]] = ("POST",)
    path: ClassVar[str] = "/_understudy/explain-call"

    text: str = ""


class ExplainQuestion(AdminRequest, frozen=True):
    """Explains what the policies would decide now if `as_` did `action` to `resource`."""

    methods: ClassVar[tuple[str, ...]] = ("POST",)
    path: ClassVar[str] = "/_understudy/explain"

    as_: str = msgspec.field(name="as")
    action: str
    resource: str = "*"
    context: Mapping[str, str | list[str]] = {}


class WhoCan(AdminRequest, frozen=True):
    """Lists all principals that can do `action` to `resource`, also through roles that they can assume, and why.

    With `account`, those of this account alone.
    """

    methods: ClassVar[tuple[str, ...]] = ("POST",)
    path: ClassVar[str] = "/_understudy/who-can"

    action: str
    resource: str = "*"
    context: Mapping[str, str | list[str]] = {}
    direct: bool = False
    account: str = ""


class Prove(AdminRequest, frozen=True):
    """Proves a claim such as `nobody but PRINCIPAL can ACTION on RESOURCE`, or finds a request that contradicts it.

    With `account`, by a principal of this account and about its resources.
    """

    methods: ClassVar[tuple[str, ...]] = ("POST",)
    path: ClassVar[str] = "/_understudy/prove"

    claim: str
    account: str = ""


class RecordPolicies(AdminRequest, frozen=True):
    """Writes least-privilege policies for the calls of one principal or all, in a time range of the trail."""

    methods: ClassVar[tuple[str, ...]] = ("POST", "GET")
    path: ClassVar[str] = "/_understudy/record"

    as_: str = msgspec.field(name="as", default="")
    since: str = ""
    until: str = ""
    portable: bool = False
    include_refused: bool = False


class Rehearse(AdminRequest, frozen=True):
    """Uses the VPC connector with this ARN as App Runner would."""

    methods: ClassVar[tuple[str, ...]] = ("POST",)
    path: ClassVar[str] = "/_understudy/rehearse"

    connector: str


class ListRoles(AdminRequest, frozen=True):
    """Lists the service-linked roles that AWS has, and where each of them exists here."""

    path: ClassVar[str] = "/_understudy/roles"


class ListUses(AdminRequest, frozen=True):
    """Lists what uses the resource with this ARN or id, through others too, and what to do before it can be deleted.

    Of a list it names the first `limit` and counts the others.
    """

    path: ClassVar[str] = "/_understudy/uses"

    id: str
    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 10


class Attach(AdminRequest, frozen=True):
    """Attaches a program to a network interface, which is made in `subnet` with `groups` unless it is named.

    `pid` is the process that starts the program; when that ends, the interface is free, or deleted if it was made.
    With `account`, the subnet or the interface must be that account's.
    """

    methods: ClassVar[tuple[str, ...]] = ("POST",)
    path: ClassVar[str] = "/_understudy/attach"

    pid: int
    command: str = ""
    interface: str = ""
    subnet: str = ""
    groups: tuple[str, ...] = ()
    address: str = ""
    account: str = ""


class Detach(AdminRequest, frozen=True):
    """Frees the interface of a program that has ended; one that was made for it is deleted.

    `pid` is the process that it was attached with.
    """

    methods: ClassVar[tuple[str, ...]] = ("POST",)
    path: ClassVar[str] = "/_understudy/detach"

    interface: str
    pid: int


class Reach(AdminRequest, frozen=True):
    """Says whether a connection passes: between interfaces, groups, subnets, addresses, from a service or a connector.

    `protocol` is tcp, udp, icmp, icmpv6 or a number; `port` is of TCP and UDP, 443 unless named, and `last_port` ends a
    range.
    """

    path: ClassVar[str] = "/_understudy/reach"

    source: str
    target: str
    protocol: str = "tcp"
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 0
    last_port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 0


class ListConnections(AdminRequest, frozen=True):
    """Lists App Runner's connections of all accounts and Regions."""

    path: ClassVar[str] = "/_understudy/connections"


class SettleConnection(AdminRequest, frozen=True):
    """Makes the handshake of the App Runner connection of this name or ARN, as AWS's console does.

    `outcome` is AVAILABLE, or ERROR for one that the provider refused.
    """

    methods: ClassVar[tuple[str, ...]] = ("POST",)
    path: ClassVar[str] = "/_understudy/connections"

    name: str
    region: str = ""
    outcome: Literal["AVAILABLE", "ERROR"] = "AVAILABLE"


class ListCustomDomains(AdminRequest, frozen=True):
    """Lists the custom domains of App Runner's services, with the DNS records that they wait for."""

    path: ClassVar[str] = "/_understudy/domains"


class ValidateCustomDomain(AdminRequest, frozen=True):
    """Takes the DNS records of the custom domain of this name as found."""

    methods: ClassVar[tuple[str, ...]] = ("POST",)
    path: ClassVar[str] = "/_understudy/domains"

    name: str


class ListIssuers(AdminRequest, frozen=True):
    """Lists the issuers of tokens that are registered here."""

    path: ClassVar[str] = "/_understudy/issuers"


class AddIssuer(AdminRequest, frozen=True):
    """Registers an issuer of tokens by name or URL: with the JWKS document `keys`, or with a key that mints tokens."""

    methods: ClassVar[tuple[str, ...]] = ("POST",)
    path: ClassVar[str] = "/_understudy/issuers"

    issuer: str
    keys: str = ""


class IssueToken(AdminRequest, frozen=True):
    """Mints a token of a registered issuer, with these claims and others as the real issuer would have them."""

    methods: ClassVar[tuple[str, ...]] = ("POST",)
    path: ClassVar[str] = "/_understudy/tokens"

    issuer: str = ""
    claims: dict[str, Any] = {}
    seconds: Annotated[int, msgspec.Meta(ge=1, le=10**9)] | None = None


class ListDelegations(AdminRequest, frozen=True):
    """Lists policy templates and permissions boundaries of products, and the requests made by them."""

    path: ClassVar[str] = "/_understudy/delegations"


class AddDelegationTemplate(AdminRequest, frozen=True):
    """Registers a policy template of this name, by which the product in `account` may ask for permissions."""

    methods: ClassVar[tuple[str, ...]] = ("POST",)
    path: ClassVar[str] = "/_understudy/delegations/templates"

    name: str
    account: str
    document: str
    requestor: str = ""


class AddDelegationBoundary(AdminRequest, frozen=True):
    """Registers a permissions boundary of this name, which products can ask for the roles they make."""

    methods: ClassVar[tuple[str, ...]] = ("POST",)
    path: ClassVar[str] = "/_understudy/delegations/boundaries"

    name: str
    document: str


class ListDelegationMessages(AdminRequest, frozen=True):
    """Lists what IAM has published to the topics of products, the oldest first; with `topic`, to that one."""

    path: ClassVar[str] = "/_understudy/delegations/messages"

    topic: str = ""


class ListServiceLogs(AdminRequest, frozen=True):
    """Lists the latest log lines of an App Runner service, or those after `next` of an earlier answer, oldest first.

    `service` is a name, an id, an ARN or a host name. `kind` is what instances write, events and deployments, or all.
    """

    path: ClassVar[str] = "/_understudy/logs"

    service: str
    region: str = ""
    kind: Literal["all", "application", "service"] = "all"
    after: str = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=5000)] = 100


class ListServiceStates(AdminRequest, frozen=True):
    """Lists App Runner's services, with their instances, the last operation on each and why it failed.

    `service` is the name, id, ARN or host name of one; it may be deleted.
    """

    path: ClassVar[str] = "/_understudy/services"

    service: str = ""
    region: str = ""


class ListStateChanges(AdminRequest, frozen=True):
    """Lists the latest state changes of App Runner's services, or those after `next` of an earlier answer.

    They are in EventBridge's shape, oldest first.
    """

    path: ClassVar[str] = "/_understudy/events"

    after: str = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 100


REQUESTS: tuple[type[AdminRequest], ...] = (
    Health,
    Ready,
    LocalstackHealth,
    Status,
    Reset,
    AddAccount,
    ListAccounts,
    RotateKeys,
    ListTrail,
    ExplainRequest,
    ExplainCall,
    ExplainQuestion,
    WhoCan,
    Prove,
    RecordPolicies,
    Rehearse,
    ListRoles,
    ListUses,
    Attach,
    Detach,
    Reach,
    ListConnections,
    SettleConnection,
    ListCustomDomains,
    ValidateCustomDomain,
    ListIssuers,
    AddIssuer,
    IssueToken,
    ListDelegations,
    AddDelegationTemplate,
    AddDelegationBoundary,
    ListDelegationMessages,
    ListServiceLogs,
    ListServiceStates,
    ListStateChanges,
)


def as_http(request: AdminRequest) -> tuple[str, str, bytes]:
    """Return the HTTP method, the request target and the body that a client sends for a request."""
    method, path = request.methods[0], request.path
    if method == "POST":
        return method, path, msgspec.json.encode(request)
    query = {}
    for name, value in msgspec.to_builtins(request).items():
        if f"{{{name}}}" in path:
            path = path.replace(f"{{{name}}}", quote(value, safe=""))
        else:
            query[name] = value
    return method, f"{path}?{urlencode(query)}" if query else path, b""
