"""A small service of each managed runtime, built from a repository and run, where the machine has the runtime.

Reference apprunner-services.md 5.5. Debian's packages are golang-go, php-cli, ruby, nodejs, default-jdk-headless; what is
missing is said as a failed creation says it.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple

import pytest
from instances import instance, network, until_healthy, want
from nodes import node, user_called
from repositories import commit
from tasks import build, reason_of, result_of

from understudy_aws.dataplane.runtime.artifacts import TaskError
from understudy_aws.dataplane.runtime.managed import RUNTIMES, find_runtime, runtimes_here
from understudy_aws.dataplane.wanted_services import Program

pytestmark = pytest.mark.skipif(
    shutil.which("bwrap") is None or shutil.which("git") is None, reason="bubblewrap or git is not installed"
)
PYTHON = "/usr/bin/python3"
ASK = "import urllib.request as u; print(u.urlopen('http://10.0.1.10:8080/').read().decode())"


class Application(NamedTuple):
    """A program that answers with its language: its files, and the commands that build and start it."""

    files: dict[str, str]
    build: str
    start: str


PYTHON_SERVER = """
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"python")
http.server.HTTPServer(("0.0.0.0", int(os.environ["PORT"])), Handler).serve_forever()
"""
NODE_SERVER = """
require("http").createServer((_, answer) => answer.end("nodejs")).listen(process.env.PORT, "0.0.0.0");
"""
JAVA_SERVER = """
import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;
public class Web {
    public static void main(String[] words) throws Exception {
        int port = Integer.parseInt(System.getenv("PORT"));
        HttpServer server = HttpServer.create(new InetSocketAddress("0.0.0.0", port), 0);
        server.createContext("/", asked -> {
            byte[] body = "corretto".getBytes();
            asked.sendResponseHeaders(200, body.length);
            asked.getResponseBody().write(body);
            asked.close();
        });
        server.start();
    }
}
"""
GO_SERVER = """
package main

import (
	"fmt"
	"net/http"
	"os"
)

func main() {
	http.HandleFunc("/", func(answer http.ResponseWriter, _ *http.Request) { fmt.Fprint(answer, "go") })
	http.ListenAndServe("0.0.0.0:"+os.Getenv("PORT"), nil)
}
"""
RUBY_SERVER = """
require "socket"
server = TCPServer.new("0.0.0.0", Integer(ENV["PORT"]))
loop do
  client = server.accept
  nil until client.gets.to_s.strip.empty?
  client.write "HTTP/1.1 200 OK\\r\\nContent-Length: 4\\r\\nConnection: close\\r\\n\\r\\nruby"
  client.close
end
"""
DOTNET_PROJECT = """
<Project Sdk="Microsoft.NET.Sdk.Web">
  <PropertyGroup><TargetFramework>net8.0</TargetFramework><ImplicitUsings>enable</ImplicitUsings></PropertyGroup>
</Project>
"""
DOTNET_SERVER = """
var web = WebApplication.CreateBuilder(args).Build();
web.MapGet("/", () => "dotnet");
web.Run($"http://0.0.0.0:{Environment.GetEnvironmentVariable("PORT")}");
"""
# By what a configuration file calls the language.
APPLICATIONS = {
    "python": Application({"web.py": PYTHON_SERVER}, "python3 -m py_compile web.py", "python3 web.py"),
    "nodejs": Application({"web.js": NODE_SERVER}, "node --check web.js", "node web.js"),
    "corretto": Application({"Web.java": JAVA_SERVER}, "javac Web.java", "java Web"),
    "go": Application(
        {"web.go": GO_SERVER, "go.mod": "module web\n\ngo 1.18\n"}, "go build -o web .", "./web"
    ),
    "php": Application({"index.php": "<?php echo 'php';"}, "php -l index.php", "php -S 0.0.0.0:$PORT"),
    "ruby": Application({"web.rb": RUBY_SERVER}, "ruby -c web.rb", "ruby web.rb"),
    "dotnet": Application(
        {"web.csproj": DOTNET_PROJECT, "web.cs": DOTNET_SERVER}, "dotnet publish -o out", "dotnet out/web.dll"
    ),
}


@pytest.fixture(scope="module", params=["this-user", "unprivileged"])
def running(request):
    user = user_called(request.param)
    place = Path(tempfile.mkdtemp())
    place.chmod(0o755)
    try:
        with node(place / "node", user, outside="none") as started:
            started.want(network("web"))
            yield started
    finally:
        shutil.rmtree(place, ignore_errors=True)


def test_every_language_of_the_managed_runtimes_has_an_application():
    assert {each.language for each in RUNTIMES.values()} == set(APPLICATIONS)


def test_a_program_is_asked_once_and_one_that_was_replaced_again(tmp_path, monkeypatch):
    program, asked = tmp_path / "php", tmp_path / "asked"

    def install(version: str) -> None:
        program.unlink(missing_ok=True)
        program.write_text(f"#!/bin/sh\necho x >> {asked}; echo PHP {version}\n")
        program.chmod(0o755)

    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    install("8.2.1")
    found = [find_runtime("php", "8.1", tmp_path / "known") for _ in range(3)]
    assert ({each.version for each in found}, asked.read_text()) == ({"8.2.1"}, "x\n")
    install("8.10.22")
    assert find_runtime("php", "8.1", tmp_path / "known").version == "8.10.22"


def why_missing(language: str, version: str) -> str:
    """Why a machine can't run a runtime, as a failed creation says it; empty when it can."""
    try:
        find_runtime(language, version)
    except TaskError as missing:
        return str(missing)
    return ""


def test_all_that_are_here_are_found_at_once():
    here = runtimes_here()
    assert list(here) == list(RUNTIMES)
    for name, found in here.items():
        runtime = RUNTIMES[name]
        why = why_missing(runtime.language, runtime.version)
        assert (found is None) == bool(why)
        assert found is None or found == find_runtime(runtime.language, runtime.version)


# Of each language the latest: others have the same programs of the machine.
LATEST = {each.language: each for each in sorted(RUNTIMES.values(), key=lambda each: float(each.version))}


@pytest.mark.parametrize("language", LATEST)
def test_an_application_is_built_and_answers(running, language):
    """What stands for a runtime that the machine has not got exactly is a newer one; without any the package is named."""
    runtime = LATEST[language]
    place = Path(tempfile.mkdtemp())
    place.chmod(0o755)
    try:
        application = APPLICATIONS[language]
        known = commit(place / "code", application.files)
        task = build(place / "code", known, application.build, language=language, version=runtime.version)
        if missing := why_missing(language, runtime.version):
            assert reason_of(running, language, task) == missing
            assert f"`sudo apt install {runtime.package}`" in missing
            pytest.skip(missing)
        source = result_of(running, language, task).source
    finally:
        shutil.rmtree(place, ignore_errors=True)
    program = Program(source=source, command=("/bin/sh", "-c", application.start))
    want(running, instance("web", program=program))
    until_healthy(running, "web")
    assert running.run("eni-web", PYTHON, "-c", ASK).stdout.strip() == language
    want(running)
