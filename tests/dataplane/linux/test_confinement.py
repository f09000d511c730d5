"""What a program in a VPC finds instead of the machine's files."""

from __future__ import annotations

import pytest

from understudy_aws.dataplane.linux.confinement import name_services


@pytest.mark.parametrize(
    "machine",
    [
        "passwd: files systemd\nhosts: mymachines resolve [!UNAVAIL=return] files myhostname dns\nservices: files\n",
        "passwd: files systemd\nservices: files\n  hosts:\tfiles nis",
        "passwd: files systemd\nservices: files",
    ],
)
def test_hosts_are_looked_up_in_files_and_by_dns_alone(machine):
    """A service of the machine, such as systemd-resolved, would answer with the machine's names."""
    assert name_services(machine) == "passwd: files systemd\nservices: files\nhosts: files dns\n"
