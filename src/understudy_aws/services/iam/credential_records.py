"""Records of what users sign in with, beside their access keys. `user` is the lower-case name of the user."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from understudy_aws.core.arn import iam
from understudy_aws.store.tables import Record, Table

Status = Literal["Active", "Inactive"]


class LoginProfile(Record, frozen=True, kw_only=True):
    """A user's password. It is kept as a hash, and so are those before it, the latest first, all with one salt."""

    account: str
    user: str
    created: datetime
    changed: datetime
    salt: bytes
    hash: bytes
    earlier: tuple[bytes, ...] = ()
    reset_required: bool = False
    max_session: int = 0


login_profiles = Table(
    "iam/login-profile",
    LoginProfile,
    key=lambda profile: (profile.account, profile.user),
    indexes={"by_user": lambda profile: ((profile.account, profile.user),)},
)


class MfaDevice(Record, frozen=True, kw_only=True):
    """A virtual MFA device. Times are counted in steps of thirty seconds since 1970.

    `user` is empty while the device is assigned to nobody. `ahead` is by how many steps its clock is ahead of ours.
    `synchronized` is the step of the second code with which it was last enabled or synchronized. `used` are the steps
    whose codes were taken for a session and could still be sent again.
    """

    account: str
    name: str
    path: str
    seed: bytes
    created: datetime
    user: str = ""
    enabled: datetime | None = None
    ahead: int = 0
    synchronized: int = 0
    used: tuple[int, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()

    @property
    def arn(self) -> str:
        """The serial number of a virtual device."""
        return iam(self.account, f"mfa{self.path}{self.name}")


mfa_devices = Table(
    "iam/mfa-device",
    MfaDevice,
    key=lambda device: (device.account, f"{device.path}{device.name}".lower()),
    indexes={"by_user": lambda device: ((device.account, device.user),) if device.user else ()},
)


class SshPublicKey(Record, frozen=True, kw_only=True):
    """An RSA key of a user. `body` is as it was sent, `fingerprint` the MD5 sum of the key as SSH writes it."""

    id: str
    account: str
    user: str
    body: str
    fingerprint: str
    created: datetime
    status: Status = "Active"


ssh_public_keys = Table(
    "iam/ssh-public-key",
    SshPublicKey,
    key=lambda key: (key.id,),
    indexes={"by_user": lambda key: ((key.account, key.user),)},
)


class SigningCertificate(Record, frozen=True, kw_only=True):
    """An X.509 certificate of a user. Its id is the SHA-1 sum of the certificate, so that an account has it once."""

    id: str
    account: str
    user: str
    body: str
    created: datetime
    status: Status = "Active"


signing_certificates = Table(
    "iam/signing-certificate",
    SigningCertificate,
    key=lambda certificate: (certificate.account, certificate.id),
    indexes={"by_user": lambda certificate: ((certificate.account, certificate.user),)},
)


class ServiceSpecificCredential(Record, frozen=True, kw_only=True):
    """A user name and password for one service, or an API key of it. Of the password the SHA-256 sum is kept."""

    id: str
    account: str
    user: str
    service: str
    alias: str
    hash: bytes
    created: datetime
    expires: datetime | None = None
    status: Status = "Active"


service_specific_credentials = Table(
    "iam/service-specific-credential",
    ServiceSpecificCredential,
    key=lambda credential: (credential.account, credential.id),
    indexes={
        "by_user": lambda credential: ((credential.account, credential.user),),
        "by_alias": lambda credential: ((credential.account, credential.service, credential.alias.lower()),),
    },
)
