"""Everything is built here, and only here."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Container, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path

import msgspec

from understudy_aws.admin.administration import Administration
from understudy_aws.admin.http_api import PREFIXES, AdminApi
from understudy_aws.authn.sigv4 import SKEW
from understudy_aws.controllers.artifacts import UnneededArtifacts
from understudy_aws.controllers.automatic_deployments import AutomaticDeployments
from understudy_aws.controllers.controller_manager import ControllerManager
from understudy_aws.controllers.custom_domains import CustomDomainValidation
from understudy_aws.controllers.domain_certificates import DomainCertificates
from understudy_aws.controllers.expiry import expiry_controller
from understudy_aws.controllers.flow_logs import FlowLogDelivery
from understudy_aws.controllers.network import NetworkKeeper
from understudy_aws.controllers.node_changes import NodeChanges
from understudy_aws.controllers.operation_runner import controllers_of
from understudy_aws.controllers.service_events import service_event_delivery
from understudy_aws.controllers.service_logs import ServiceLogDelivery
from understudy_aws.controllers.services import ServiceKeeper
from understudy_aws.core.clock import Clock, SystemClock
from understudy_aws.core.errors import UserError
from understudy_aws.core.http import BodySink, HttpRequest, HttpResponse, ResponseInSteps, take_all
from understudy_aws.core.ids import Ids
from understudy_aws.core.simulated_latency import SimulatedLatency
from understudy_aws.dataplane.launcher import NodeLauncher
from understudy_aws.dataplane.runtime.registries import ImagePlaces, read_rules
from understudy_aws.dataplane.wanted_services import Ingress
from understudy_aws.gateway.authorization import Authorizer
from understudy_aws.gateway.awaited import answered
from understudy_aws.gateway.client_tokens import old_client_tokens
from understudy_aws.gateway.controller import Controller, World
from understudy_aws.gateway.durable_operations import OperationKind, any_due
from understudy_aws.gateway.message_signing import MessageSigner
from understudy_aws.gateway.pipeline import Gateway
from understudy_aws.gateway.propagation import Propagation
from understudy_aws.gateway.registry import Registry
from understudy_aws.gateway.trail import Trail
from understudy_aws.gateway.workloads import Workloads
from understudy_aws.services import SERVICES, accounts
from understudy_aws.services.apprunner import (
    auto_scaling_records,
    custom_domain_records,
    ingress_connection_records,
    observability_records,
    service_records,
    vpc_connectors,
)
from understudy_aws.services.apprunner.instances.leaving import LeavingInstances
from understudy_aws.services.apprunner.instances.role_credentials import RoleCredentials
from understudy_aws.services.apprunner.instances.scaling import AutomaticScaling
from understudy_aws.services.apprunner.own_images import OwnImages
from understudy_aws.services.apprunner.service_events import old_service_log_lines, old_state_changes
from understudy_aws.services.apprunner.service_operations import history
from understudy_aws.services.apprunner.service_operations.service_operation_kinds import (
    service_operation_kinds,
)
from understudy_aws.services.directory import IAM_TABLES, Directory
from understudy_aws.services.ec2.address_transfer_records import ended_address_transfers
from understudy_aws.services.ec2.attached_programs import detached_programs
from understudy_aws.services.ec2.block_public_access.records import deleted_exclusions
from understudy_aws.services.ec2.nat_gateway_records import ended_nat_gateways, nat_gateway_deletions
from understudy_aws.services.ec2.network_insights.analyses import old_network_insights_analyses
from understudy_aws.services.ec2.peering.records import ended_vpc_peering_connections, vpc_peering_changes
from understudy_aws.services.ec2.prefix_lists.records import prefix_list_deletions
from understudy_aws.services.ec2.security_group_associations.records import group_association_changes
from understudy_aws.services.ec2.vpc_endpoints.records import ended_vpc_endpoints, vpc_endpoint_deletions
from understudy_aws.services.ec2.vpc_endpoints.through import through_endpoint
from understudy_aws.services.ecr.distribution.blob_files import BlobFiles
from understudy_aws.services.ecr.distribution.registry import Registry as ImageRegistry
from understudy_aws.services.ecr.distribution.routes import is_for_registry
from understudy_aws.services.ecr.distribution.sweep import Sweep
from understudy_aws.services.ecr.records import old_authorization_tokens, old_layer_uploads
from understudy_aws.services.iam import deletion_tasks
from understudy_aws.services.iam.access_reports import ACCESS_REPORTS
from understudy_aws.services.iam.delegation_records import expired_delegation_requests
from understudy_aws.services.iam.last_use import LastUse
from understudy_aws.services.iam.linked_role_usage import LinkedRoleUsage
from understudy_aws.services.logs.expired_events import discarded_events, expired_events
from understudy_aws.services.organizations import account_requests
from understudy_aws.services.organizations.handshake_records import old_handshakes
from understudy_aws.services.secretsmanager.records import deleted_secret_versions, deleted_secrets
from understudy_aws.services.sts import issuer_site, session_limits
from understudy_aws.services.sts.issuer_documents import IssuerDocuments
from understudy_aws.services.sts.records import expired_sessions, live_sessions
from understudy_aws.services.sts.service_sessions import abandoned_sessions
from understudy_aws.settings import Settings
from understudy_aws.store.database import Database, Transaction
from understudy_aws.store.durability import Durability
from understudy_aws.store.opening import open_store
from understudy_aws.store.protocol import Store, StoreError
from understudy_aws.store.tables import Record, Table

# Records that are deleted when they are old.
EXPIRIES = (
    old_client_tokens,
    expired_sessions,
    old_handshakes,
    vpc_connectors.deleted_connectors,
    auto_scaling_records.deleted_auto_scaling_configurations,
    observability_records.deleted_observability_configurations,
    ingress_connection_records.deleted_ingress_connections,
    custom_domain_records.ended_custom_domains,
    service_records.deleted_services,
    ended_address_transfers,
    ended_nat_gateways,
    old_network_insights_analyses,
    ended_vpc_peering_connections,
    deleted_exclusions,
    ended_vpc_endpoints,
    deleted_secrets,
    deleted_secret_versions,
    old_service_log_lines,
    old_state_changes,
    old_authorization_tokens,
    old_layer_uploads,
    expired_delegation_requests,
)


class ServerSecret(Record, frozen=True, kw_only=True):
    """What this server signs its messages with; made once, kept with the state."""

    name: str
    secret: bytes


# They wait for the node, and nobody for them.
_SERVICE_OPERATIONS = frozenset(history.KINDS.values())

server_secrets = Table("server-secret", ServerSecret, key=lambda record: (record.name,))


class App(msgspec.Struct, frozen=True):
    """A whole understudy: what a server serves, and what a test calls without one."""

    settings: Settings
    database: Database
    gateway: Gateway
    controllers: ControllerManager
    admin: Administration
    admin_api: AdminApi
    node: NodeLauncher
    network: NetworkKeeper
    workloads: Workloads
    node_changes: NodeChanges
    credentials: RoleCredentials
    registry: ImageRegistry
    layer_files: BlobFiles

    def handle(self, request: HttpRequest) -> HttpResponse | ResponseInSteps:
        """Answer a request; the answer may be given only when `durability`, asked right after this, is done."""
        if request.interface:
            return self.credentials.answer(request)
        if request.path.startswith(PREFIXES):
            return self.admin_api.handle(request)
        if is_for_registry(request):
            return self.registry.handle(request)
        published = issuer_site.answer(self.database, request)
        return answered(self.gateway.handle, request) if published is None else published

    def sink(self, request: HttpRequest) -> BodySink | HttpResponse | None:
        """Return where the body of a request goes that is not kept in memory: a layer's, into a file."""
        return None if request.interface else self.registry.sink(request)

    def durability(self) -> Durability:
        """Return the durability of everything that was committed up to now.

        With the clock at `instant` a server's answer also waits for the durable operations that are due, but those on
        services, and for the network of programs: whoever asks next finds them ended, and packets filtered.
        """
        wanted = self.database.durability()
        if self.settings.clock == "instant" and (
            any_due(self.database, self.gateway.clock, but=_SERVICE_OPERATIONS) or self.network.is_behind()
        ):
            return self.controllers.after_due_work(wanted)
        return wanted

    def not_durable(self, request: HttpRequest) -> HttpResponse:
        """The answer to a request whose changes could not be made durable."""
        if request.interface:
            return self.credentials.not_durable()
        if request.path.startswith(PREFIXES):
            return self.admin_api.not_durable(self.database.refusal)
        return self.gateway.not_durable(request)

    def answer(self, request: HttpRequest) -> HttpResponse:
        """Answer a request when all of it is durable; blocks meanwhile. For callers without an event loop."""
        response = self.handle(request)
        if isinstance(response, ResponseInSteps):
            response = take_all(response.steps)
        wanted = self.database.durability()
        if not wanted.done:
            with contextlib.suppress(Exception):
                self.database.flush()
        return response if wanted.error is None else self.not_durable(request)

    def make_account(self, account: str) -> accounts.Keys:
        """Make an account; raises UserError if there is one of that number."""
        with self.database.transaction() as tx:
            if accounts.accounts.get(tx, account) is not None:
                raise UserError(f"Account {account} exists already.")
            keys = accounts.make(tx, account, ids=self.gateway.ids, at=self.gateway.clock.now())
        self.database.flush()
        return keys

    def close(self) -> None:
        """Write what is left and let the state go. A node goes on, unless the state is in memory and gone."""
        self.database.close()
        self.node.end()
        self.workloads.close()
        if self.settings.in_memory:
            self.layer_files.remove()


def build(
    settings: Settings,
    *,
    clock: Clock | None = None,
    ids: Ids | None = None,
    skew: timedelta = SKEW,
    store: Store | None = None,
) -> App:
    """Put an understudy together, over `store` if one is given. Raises UserError if its state cannot be used."""
    if store is None:
        store = open_store(settings.state, synchronous=settings.synchronous)
    store.keep_entries(settings.trail)
    database = Database(store)
    try:
        _adopt_old_records(database)
    except StoreError as error:
        store.close()
        raise UserError(str(error)) from error
    clock, ids = clock or SystemClock(), ids or Ids()
    latency = SimulatedLatency(settings.clock, settings.seed)
    propagation = _propagation(database, latency, clock)
    directory = Directory(propagation)
    last_use = LastUse()
    registry = Registry(SERVICES)
    gateway = Gateway(
        database=database,
        registry=registry,
        credentials=directory,
        authorizer=Authorizer(directory, settings.iam),
        trail=Trail(database),
        message_signer=MessageSigner(_secret(database, ids)),
        clock=clock,
        ids=ids,
        latency=latency,
        last_use=last_use,
        limits=session_limits.check,
        issuers=IssuerDocuments(settings.identity_provider_hosts),
        skew=skew,
        further_services=frozenset(settings.service_principals),
        endpoints=through_endpoint,
        propagation=propagation,
    )
    node = _node(settings, ids)
    workloads = Workloads(node)
    network, of_node = _node_work(settings, database, node, workloads)
    registry_directory = _registry_directory(settings, ids)
    layer_files = BlobFiles(registry_directory)
    images = _image_places(settings), OwnImages(layer_files, registry_directory / "taken")
    controllers = _controllers(gateway, last_use, workloads, of_node, images)
    if not settings.in_memory:
        # Tests ask nobody for names; `understudy domain validate` is for them.
        controllers = [*controllers, CustomDomainValidation().controller()]
    controllers = [*controllers, Sweep(layer_files).controller()]
    manager = ControllerManager(World(database, clock, ids, gateway), controllers)
    admin = Administration(
        gateway, policies=directory, account=settings.account, controllers=manager.status, clear=_clear,
        settings={"iam": settings.iam, "clock": settings.clock, "state": settings.state},
        node=node.directory, obstacle=lambda: network.obstacle, certificate=settings.tls_certificate,
    )  # fmt: skip
    admin_api = AdminApi(admin, token=ids.bearer_token())
    return App(
        settings=settings, database=database, gateway=gateway, controllers=manager, admin=admin, admin_api=admin_api,
        node=node, network=network, workloads=workloads, node_changes=NodeChanges(database, clock, workloads),
        credentials=RoleCredentials(gateway), registry=ImageRegistry(gateway, layer_files), layer_files=layer_files,
    )  # fmt: skip


def _propagation(database: Database, latency: SimulatedLatency, clock: Clock) -> Propagation | None:
    """Return what knows which changes of IAM's are not known everywhere yet; None where all are at once."""
    if latency.name != "aws":
        return None
    made = Propagation(latency, clock, IAM_TABLES)
    database.on_change = made.note
    return made


def _node_work(
    settings: Settings, database: Database, node: NodeLauncher, workloads: Workloads
) -> tuple[NetworkKeeper, Sequence[Controller]]:
    """Return what keeps the node's network like the records, and all background work that asks the node."""
    # With the clock at `instant` nobody waits for the end of a flow log's interval.
    flow_seconds = 1 if settings.clock == "instant" else 0
    flow_logs, service_logs = FlowLogDelivery(node.directory), ServiceLogDelivery(workloads)
    network = NetworkKeeper(
        database,
        node,
        workloads,
        flow_seconds=flow_seconds,
        deliver=flow_logs.deliver,
        deliver_output=service_logs.deliver,
    )
    services = ServiceKeeper(
        database,
        workloads,
        secure=settings.serves_tls,
        authority=settings.tls_authority,
        ingress=_ingress(settings),
        certificates=DomainCertificates(made) if (made := settings.made_certificates) is not None else None,
    )
    instances = AutomaticScaling(workloads), LeavingInstances(workloads)
    artifacts = UnneededArtifacts(workloads, node.directory)
    work = (network, services, *instances, artifacts, flow_logs, service_logs)
    return network, [each.controller() for each in work]


def _controllers(
    gateway: Gateway,
    last_use: LastUse,
    workloads: Workloads,
    of_node: Sequence[Controller],
    images: tuple[ImagePlaces, OwnImages],
) -> Sequence[Controller]:
    """Return all background work."""
    kinds = operation_kinds(gateway.registry, workloads, gateway.held_sessions, *images)
    return [
        *(each for kind in kinds for each in controllers_of(kind)),
        abandoned_sessions(gateway.held_sessions),
        nat_gateway_deletions(),
        prefix_list_deletions(),
        group_association_changes(),
        vpc_peering_changes(),
        vpc_endpoint_deletions(),
        last_use.controller(),
        detached_programs(),
        expired_events(),
        discarded_events(),
        service_event_delivery(),
        AutomaticDeployments(workloads, images[0]).controller(),
        *of_node,
        *map(expiry_controller, EXPIRIES),
    ]


def _node(settings: Settings, ids: Ids) -> NodeLauncher:
    """Return the way to the node of a state; of one in memory it ends with this process."""
    if settings.in_memory:
        # Nobody else may know the name before it is there.
        directory = Path(tempfile.gettempdir(), f"understudy-node-{ids.bearer_token()[:24]}")
    else:
        directory = settings.directory / "node"
    return NodeLauncher(directory, tied=settings.in_memory)


def _image_places(settings: Settings) -> ImagePlaces:
    """Return where images are pulled from."""
    return ImagePlaces(read_rules(settings.registry), settings.built_images)


def _registry_directory(settings: Settings, ids: Ids) -> Path:
    """Return where the layers of images are; it is made when the first one comes."""
    if settings.in_memory:
        return Path(tempfile.gettempdir(), f"understudy-registry-{ids.bearer_token()[:24]}")
    return settings.directory / "registry"


def operation_kinds(
    registry: Registry,
    workloads: Workloads,
    held_sessions: Container[str] = (),
    images: ImagePlaces | None = None,
    own_images: OwnImages | None = None,
) -> Sequence[OperationKind]:
    """Every kind of durable operation there is; `held_sessions` are those in which services act as roles now."""
    usage = LinkedRoleUsage(registry.role_usage(), partial(live_sessions, held_sessions))
    return (
        deletion_tasks.deletion(usage),
        account_requests.ACCOUNT_CREATION,
        *ACCESS_REPORTS,
        *service_operation_kinds(workloads, images, own_images),
    )


def _ingress(settings: Settings) -> Ingress:
    host, port = settings.ingress_address
    return Ingress(
        host=host,
        port=port,
        certificate=settings.ingress_certificate,
        request_seconds=settings.request_seconds,
    )


def _adopt_old_records(database: Database) -> None:
    """Go on with what an older version began and kept in records of another form."""
    with database.transaction() as tx:
        deletion_tasks.adopt_old_tasks(tx)
        account_requests.adopt_old_requests(tx)
    database.flush()


def _clear(tx: Transaction) -> None:
    """Empty the state, but for the secret this server goes on signing with."""
    secret = server_secrets.get(tx, "seal")
    tx.clear()
    if secret is not None:
        server_secrets.put(tx, secret)


def _secret(database: Database, ids: Ids) -> bytes:
    with database.transaction() as tx:
        kept = server_secrets.get(tx, "seal")
        if kept is None:
            kept = server_secrets.put(tx, ServerSecret(name="seal", secret=ids.signing_secret()))
    database.flush()
    return kept.secret
