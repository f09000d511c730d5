"""What a machine refuses is said with the one command that would change it, also where several settings could be why."""

from __future__ import annotations

import errno
import os

import pytest

from understudy_aws.dataplane.linux import probe
from understudy_aws.dataplane.linux.probe_refusal import LINKS, MOUNTS, NAMESPACES, RULES, VETH, Refusal
from understudy_aws.dataplane.remedies import told_of

UBUNTU = {"/proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1"}


@pytest.mark.parametrize(
    ("files", "refused", "remedy"),
    [
        # Ubuntu from 23.10 on makes the namespace and lets nobody do anything in it.
        (UBUNTU, Refusal(MOUNTS, errno.EACCES), "`sysctl kernel.apparmor_restrict_unprivileged_userns=0`"),
        (UBUNTU, Refusal(LINKS, errno.EPERM), "`sysctl kernel.apparmor_restrict_unprivileged_userns=0`"),
        (
            {**UBUNTU, "/proc/self/status": "Seccomp:\t2"},
            Refusal(NAMESPACES, errno.EPERM),
            "`sysctl kernel.apparmor_restrict_unprivileged_userns=0`",
        ),
        # Debian before 11.
        (
            {"/proc/sys/kernel/unprivileged_userns_clone": "0"},
            Refusal(NAMESPACES, errno.EPERM),
            "`sysctl kernel.unprivileged_userns_clone=1`",
        ),
        (
            {"/proc/sys/user/max_net_namespaces": "0"},
            Refusal(NAMESPACES, errno.ENOSPC),
            "`sysctl user.max_net_namespaces=15000`",
        ),
        # A kernel whose modules nobody has loaded.
        (
            {},
            Refusal(VETH, errno.EOPNOTSUPP),
            "`modprobe -a veth nf_tables nft_ct nft_nat nft_masq nft_chain_nat`",
        ),
        (
            {},
            Refusal(RULES, errno.ENOENT),
            "`modprobe -a veth nf_tables nft_ct nft_nat nft_masq nft_chain_nat`",
        ),
        ({}, Refusal(RULES, errno.EPERM), ""),
        ({}, Refusal(NAMESPACES, errno.EPERM), ""),
    ],
)
def test_a_refusal_has_its_remedy(monkeypatch, files, refused, remedy):
    monkeypatch.setattr(probe, "_read", lambda file: files.get(file, ""))
    for user, sudo in ((0, ""), (1000, "sudo ")):
        monkeypatch.setattr(os, "geteuid", lambda user=user: user)
        said = probe._sentence(refused)
        assert said.startswith(f"This machine lets this user make no networks ({refused.what}: ")
        assert os.strerror(refused.number) in said
        assert said.endswith(f"; {remedy.replace('`', f'`{sudo}', 1)} would change that." if remedy else ").")


@pytest.mark.parametrize(
    ("error", "of_files", "said"),
    [
        (OSError(errno.ENOMEM, "Cannot allocate memory", "unshare"), False, "Cannot allocate memory: unshare; more memory"),
        (OSError(errno.ENOSPC, "No space left on device"), True, "No space left on device; more space on the disk would"),
        (OSError(errno.ENOSPC, "No space left on device", "unshare"), False, "(`sudo sysctl user.max_net_namespaces=15000`)"),
        (OSError(errno.EROFS, "Read-only file system", "/x"), True, "Read-only file system: /x; a file system that can be"),
        (OSError(errno.ENFILE, "Too many open files in system"), False, "`sudo sysctl fs.file-max=1000000` would change"),
        (OSError(errno.ENOBUFS, "The table is full; this would make room"), False, "The table is full; this would make room"),
        (OSError(errno.EIO, "Input/output error"), False, "Input/output error"),
        (ValueError("no network"), False, "no network"),
        (LookupError(), False, "LookupError"),
    ],
)  # fmt: skip
def test_an_error_is_told_without_its_number_and_with_its_remedy_once(error, of_files, said):
    told = told_of(error, of_files=of_files)
    assert said in told
    assert "Errno" not in told
    assert told.count("would") <= 1
