"""The examples: applications that nobody here wrote, built from PyPI and npm and run as instances."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from instances import instance, until_healthy, want
from networks import group, interface, rule, vpc
from nodes import node, user_called
from tasks import build, result_of, url_of

from understudy_aws.dataplane.runtime.artifacts import TaskError
from understudy_aws.dataplane.runtime.managed import find_runtime
from understudy_aws.dataplane.tasks import FetchSource
from understudy_aws.dataplane.wanted import Network
from understudy_aws.dataplane.wanted_services import HealthCheck, Program
from understudy_aws.services.apprunner.configuration_file import configuration_file

EXAMPLES = Path(__file__).parents[2] / "examples"
POSTGRESQL = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
ADDRESSES = {"datasette": "10.0.1.10", "express": "10.0.1.11", "django": "10.0.1.12", "database": "10.0.1.20"}
# What pip, npm and git reach the registries of this machine by.
WAY_OUT = {
    name: value
    for name, value in os.environ.items()
    if name.lower().startswith(("pip_", "npm_config_")) or name.lower().endswith("_proxy") or name == "HOME"
}


def missing_for(registry: str) -> str:
    """Why nothing can be installed from a registry; empty when it can."""
    for program in ("git", "bwrap"):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    try:
        with urllib.request.urlopen(registry, timeout=10):
            return ""
    except (OSError, urllib.error.URLError) as error:
        return f"{registry} can't be reached: {error}"


@pytest.fixture(scope="module")
def running():
    # PostgreSQL does not run as root.
    user = user_called("unprivileged" if os.geteuid() == 0 else "this-user")
    place = Path(tempfile.mkdtemp())
    place.chmod(0o777)
    try:
        with node(place / "node", user, outside="auto", variables=WAY_OUT) as started:
            names = ("datasette", "express", "django", "database")
            interfaces = [
                interface(name, "vpc-1-subnet-1", ADDRESSES[name], groups=(f"sg-{name}",)) for name in names
            ]
            groups = [group(f"sg-{name}") for name in names[:-1]]
            groups.append(group("sg-database", rule(protocol="6", ports=(5432, 5432), group="sg-django")))
            started.want(Network(vpcs=(vpc("vpc-1", *interfaces, groups=tuple(groups)),)))
            yield started
    finally:
        shutil.rmtree(place, ignore_errors=True)


def started(running, id: str, name: str, health: str, **environment: str) -> str:
    """Build an example as its configuration file says, run it until it is well, and return where it answers."""
    place = EXAMPLES / name
    fetched = result_of(running, f"{name} fetch", FetchSource(url=url_of(place), branch="main"))
    file = configuration_file.read(fetched.configuration_file, account="111111111111")
    language = file.runtime.keyword.rstrip("0123456789")
    commands = (*file.pre_build, *file.build, *file.post_build)
    task = build(place, fetched.commit, *commands, language=language, version=file.runtime.version)
    source = result_of(running, f"{name} build", task).source
    variables = {**dict(file.variables), **environment}
    program = Program(
        source=source, command=("/bin/sh", "-c", file.command), environment=tuple(sorted(variables.items()))
    )
    check = HealthCheck(protocol="HTTP", path=health, interval=1, timeout=1, unhealthy_threshold=20)
    want(running, instance(id, program=program, port=int(file.port), health_check=check))
    until_healthy(running, id)
    return f"http://{ADDRESSES[id]}:{file.port}"


def asked(running, id: str, url: str, data: str = "") -> object:
    """What the interface of the instance is answered, as JSON: its group lets nobody else in."""
    code = (
        "import sys, urllib.request as u; data = sys.argv[2].encode() or None\n"
        "request = u.Request(sys.argv[1], data, {'Content-Type': 'application/json'})\n"
        "print(u.build_opener(u.ProxyHandler({})).open(request, timeout=10).read().decode())"
    )
    found = running.python(f"eni-{id}", code, url, data).finish(30)
    assert found.returncode == 0, found.stderr
    return json.loads(found.stdout)


def test_every_example_that_is_a_service_is_built_and_run_here():
    examples = {each.parent.name for each in EXAMPLES.glob("*/apprunner.yaml")}
    assert examples == {"datasette", "express", "django-postgresql"}


def test_datasette_from_pypi_publishes_the_database_that_the_build_made(running):
    missing = missing_for("https://pypi.org/simple/datasette/")
    if missing:
        pytest.skip(missing)
    url = started(running, "datasette", "datasette", "/-/versions.json")
    rows = asked(running, "datasette", f"{url}/elements/elements.json?_shape=array")
    assert {row["symbol"]: row["name"] for row in rows}["He"] == "Helium"


def test_express_from_npm_answers_json(running):
    missing = missing_for("https://registry.npmjs.org/express")
    try:
        find_runtime("nodejs", "22")
    except TaskError as error:
        missing = str(error)
    if missing:
        pytest.skip(missing)
    url = started(running, "express", "express", "/healthy")
    assert asked(running, "express", f"{url}/")["hello"] == "App Runner"
    assert asked(running, "express", f"{url}/echo", '{"a": [1, "two"]}') == {"a": [1, "two"]}


def test_django_keeps_entries_in_postgresql_in_the_vpc(running):
    missing = missing_for("https://pypi.org/simple/django/") or (
        "" if POSTGRESQL else "PostgreSQL is not installed"
    )
    if missing:
        pytest.skip(missing)
    data = running.directory.parent / "data"
    programs = POSTGRESQL[-1].parent
    script = (
        f"{programs}/initdb -D {data} -U postgres -A trust > {data}.log && "
        f"echo 'host all all 10.0.0.0/16 trust' >> {data}/pg_hba.conf && "
        f"exec {programs}/postgres -D {data} -k {data} -c listen_addresses='*' >> {data}.log 2>&1"
    )
    database = running.start("eni-database", "/bin/sh", "-c", script)
    try:
        url = started(running, "django", "django-postgresql", "/healthy", DATABASE_HOST=ADDRESSES["database"])
        entries = [{"name": "Mary", "text": "hello"}]
        assert asked(running, "django", f"{url}/", json.dumps(entries[0])) == {
            "database": "postgresql",
            "entries": entries,
        }
        assert asked(running, "django", f"{url}/")["entries"] == entries
    finally:
        database.process.terminate()
        database.finish(30)
