"""The records of repositories, images, layers, uploads and authorization tokens."""

from __future__ import annotations

from datetime import datetime, timedelta

from understudy_aws.core.arn import PARTITION
from understudy_aws.gateway.expiry import Expiry
from understudy_aws.store.bodies import Bodies
from understudy_aws.store.tables import Record, Table

MUTABLE, IMMUTABLE = "MUTABLE", "IMMUTABLE"


class Repository(Record, frozen=True, kw_only=True):
    """A repository. `account` is the registry's id. Policies are the texts as they were given."""

    account: str
    region: str
    name: str
    created: datetime
    mutability: str = MUTABLE
    scan_on_push: bool = False
    policy: str = ""
    lifecycle_policy: str = ""
    tags: tuple[tuple[str, str], ...] = ()

    @property
    def arn(self) -> str:
        return arn_of(self.account, self.region, self.name)


class Image(Record, frozen=True, kw_only=True):
    """An image, whose manifest is a row of its own under the same key.

    `layers` are the digests of its layers and of its configuration, `parts` those of the images that a list of images
    has. `size` is what its layers have together.
    """

    account: str
    region: str
    repository: str
    digest: str
    media_type: str
    pushed: datetime
    size: int = 0
    artifact_type: str = ""
    subject: str = ""
    layers: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    pulled: datetime | None = None


class ImageTag(Record, frozen=True, kw_only=True):
    """A tag of a repository, and the image that has it."""

    account: str
    region: str
    repository: str
    tag: str
    digest: str


class Layer(Record, frozen=True, kw_only=True):
    """A layer that a repository has; its bytes are a file by its digest, which other repositories may have too."""

    account: str
    region: str
    repository: str
    digest: str
    size: int
    uploaded: datetime


class LayerUpload(Record, frozen=True, kw_only=True):
    """A layer that is being uploaded. `digest` and `size` are those of its bytes, once all came and were looked at."""

    account: str
    region: str
    repository: str
    id: str
    begun: datetime
    digest: str = ""
    size: int = 0


class AuthorizationToken(Record, frozen=True, kw_only=True):
    """What docker logs in with: it stands for an access key in one registry. `key` is what the token hashes to."""

    key: str
    account: str
    region: str
    access_key_id: str
    expires: datetime


def arn_of(account: str, region: str, name: str) -> str:
    """Return the ARN of a repository."""
    return f"arn:{PARTITION}:ecr:{region}:{account}:repository/{name}"


def host_of(account: str, region: str) -> str:
    """Return the host name that a registry has at AWS."""
    return f"{account}.dkr.ecr.{region}.amazonaws.com"


repositories = Table(
    "ecr/repository", Repository, key=lambda record: (record.account, record.region, record.name)
)
images = Table(
    "ecr/image",
    Image,
    key=lambda record: (record.account, record.region, record.repository, record.digest),
    indexes={
        "layer": lambda record: [
            (record.account, record.region, record.repository, digest) for digest in record.layers
        ],
        "part": lambda record: [
            (record.account, record.region, record.repository, digest) for digest in record.parts
        ],
    },
)
manifests = Bodies("ecr/manifest")
image_tags = Table(
    "ecr/image-tag",
    ImageTag,
    key=lambda record: (record.account, record.region, record.repository, record.tag),
    indexes={
        "image": lambda record: ((record.account, record.region, record.repository, record.digest),),
    },
)
layers = Table(
    "ecr/layer",
    Layer,
    key=lambda record: (record.account, record.region, record.repository, record.digest),
    indexes={"digest": lambda record: (record.digest,)},
    ordered={"uploaded": lambda record: record.uploaded},
)
layer_uploads = Table(
    "ecr/layer-upload",
    LayerUpload,
    key=lambda record: (record.account, record.region, record.repository, record.id),
    indexes={"id": lambda record: (record.id,)},
    ordered={"begun": lambda record: record.begun},
)
authorization_tokens = Table(
    "ecr/authorization-token",
    AuthorizationToken,
    key=lambda record: (record.key,),
    ordered={"expires": lambda record: record.expires},
)
old_layer_uploads = Expiry(
    "uploads of layers", layer_uploads, "begun", kept_for=timedelta(hours=24), most=10_000
)
old_authorization_tokens = Expiry(
    "tokens of registries", authorization_tokens, "expires", kept_for=timedelta(), most=10_000
)
