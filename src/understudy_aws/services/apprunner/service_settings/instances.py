"""Processors and memory of instances, in the units that answers use (apprunner-services.md 2.2)."""

from __future__ import annotations

import re
from types import MappingProxyType

import msgspec

from understudy_aws.services.apprunner import errors

# Memory in MB, by processors in units of which a virtual CPU has 1024.
SIZES = MappingProxyType(
    {
        256: (512, 1024),
        512: (1024,),
        1024: (2048, 3072, 4096),
        2048: (4096, 6144),
        4096: (8192, 10240, 12288),
    }
)
_AMOUNT = re.compile(r"(0\.25|0\.5|[0-9]+) (vCPU|GB)")


class Instance(msgspec.Struct, frozen=True, omit_defaults=True):
    """What each instance of a service has: processors in units, memory in MB, and a role."""

    cpu: str = "1024"
    memory: str = "2048"
    role: str = ""


def normalized(text: str) -> str:
    """Return an amount in units or MB: `1 vCPU` and `1024` are 1024."""
    found = _AMOUNT.fullmatch(text)
    return str(int(float(found[1]) * 1024)) if found is not None else text


def instance(former: Instance, *, cpu: str | None, memory: str | None, role: str | None) -> Instance:
    """Return the instance that a request asks for; what it does not say is as it was. Raises for no known size."""
    made = Instance(normalized(cpu or former.cpu), normalized(memory or former.memory), role or former.role)
    if not (made.cpu.isdecimal() and made.memory.isdecimal()) or int(made.memory) not in SIZES.get(
        int(made.cpu), ()
    ):
        raise errors.invalid_request(
            f"The combination of {made.cpu} CPU units and {made.memory} MB of memory isn't supported. "
            f"Supported combinations: {_supported()}."
        )
    return made


def _supported() -> str:
    return "; ".join(f"{cpu} with {', '.join(map(str, sizes))}" for cpu, sizes in SIZES.items())
