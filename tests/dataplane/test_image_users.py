"""What programs say when they are refused to become another user or to give a file to one."""

from __future__ import annotations

import pytest

from understudy_aws.dataplane.runtime.image_users import changes_users

# By Debian 12's programs as the one user of a user namespace without capabilities; nginx, Apache, gosu, s6 and su-exec by
# their sources' texts.
SAID = (
    "chown: changing ownership of '/tmp/x': Invalid argument",
    "chown: /tmp/x: Invalid argument",
    "install: cannot change ownership of '/tmp/y': Invalid argument",
    "setpriv: setresuid failed: Invalid argument",
    "setpriv: setresgid failed: Invalid argument",
    "runuser: cannot set groups: Operation not permitted",
    "su: can't set groups: Operation not permitted",
    "httpd: setgroups: Operation not permitted",
    "start-stop-daemon: unable to set gid to 33 (Invalid argument)",
    '  File "/app/main.py", line 1, in <module>\n    os.setuid(33)\nOSError: [Errno 22] Invalid argument',
    "    os.setgroups([])\nPermissionError: [Errno 1] Operation not permitted",
    '[emerg] 1#1: chown("/var/cache/nginx/client_temp", 101) failed (22: Invalid argument)',
    "[emerg] 7#7: setgid(101) failed (22: Invalid argument)",
    "(22)Invalid argument: AH02156: setgid: unable to set group id to Group 33\n(1)Operation not permitted: AH02157: initgroups: unable",
    'error: failed switching to "redis": operation not permitted',
    "su-exec: setgroups(1000): Operation not permitted",
    "s6-applyuidgid: fatal: unable to set supplementary group list: Operation not permitted",
)
OTHERS = (
    "",
    "bind: Operation not permitted",
    "OSError: [Errno 22] Invalid argument",
    "chown: unknown user web",
    "setuid is done\nlistening\nwaiting\nmount: Operation not permitted",
)


@pytest.mark.parametrize("said", SAID)
def test_it_is_known(said):
    assert changes_users(["It begins.", *said.splitlines(), "It ends."])


@pytest.mark.parametrize("said", OTHERS)
def test_other_errors_are_not_taken_for_it(said):
    assert not changes_users(said.splitlines())
