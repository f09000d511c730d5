"""The grammar of apprunner.yaml (apprunner-services.md 5.5): what it says as a value, and every mistake in a sentence with its line."""

from __future__ import annotations

import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy_aws.services.apprunner.configuration_file import yaml_tree
from understudy_aws.services.apprunner.configuration_file.configuration_file import (
    ConfigurationFileError,
    read,
)
from understudy_aws.services.apprunner.service_settings.runtimes import BY_KEYWORD, RUNTIMES

ACCOUNT = "000000000000"
SECRET = "arn:aws:secretsmanager:us-east-1:000000000000:secret:db-AbCdEf"
EVERYTHING = f"""\
version: 1.0
runtime: python311
build:
  commands:
    pre-build:
      - yum install -y openssl
    build:
      - pip install -r requirements.txt
      - "echo done: yes"
    post-build:
      - python manage.py test
  env:
    - name: DJANGO_SETTINGS_MODULE
      value: "web.settings"
    - name: DEBUG
      value: true
run:
  runtime-version: 3.11.10
  pre-run:
    - pip install gunicorn
  command: gunicorn web
  network:
    port: 8000
    env: APP_PORT
  env:
    - name: COLOUR
      value:
  secrets:
    - name: PASSWORD
      value-from: "{SECRET}:password::"
    - name: PARAMETER
      value-from: /web/parameter
"""
LEAST = """\
version: 1.0
runtime: python3
build:
  commands:
    build:
      - pip install pipenv
run:
  command: python app.py
"""


def mistakes(text: str) -> list[str]:
    with pytest.raises(ConfigurationFileError) as caught:
        read(textwrap.dedent(text), account=ACCOUNT)
    return [str(each) for each in caught.value.mistakes]


def mistakes_or_none(text: str):
    """The mistakes of a text, or None for one that is read."""
    try:
        read(text, account=ACCOUNT)
    except ConfigurationFileError as error:
        return error.mistakes
    return None


def changed(old: str, new: str, text: str = LEAST) -> str:
    assert old in text
    return text.replace(old, new)


class TestValue:
    def test_every_key_is_read(self):
        found = read(EVERYTHING, account=ACCOUNT)
        assert (BY_KEYWORD["python311"], "3.11.10") == (found.runtime, found.runtime_version)
        assert ("yum install -y openssl",) == found.pre_build
        assert ("pip install -r requirements.txt", "echo done: yes") == found.build
        assert ("python manage.py test",) == found.post_build
        assert (("DJANGO_SETTINGS_MODULE", "web.settings"), ("DEBUG", "true")) == found.build_variables
        assert (("pip install gunicorn",), "gunicorn web") == (found.pre_run, found.command)
        assert ("8000", "APP_PORT") == (found.port, found.port_variable)
        assert (("COLOUR", ""),) == found.variables
        assert (("PASSWORD", f"{SECRET}:password::"), ("PARAMETER", "/web/parameter")) == found.secrets

    def test_the_least_has_the_documented_defaults(self):
        """Reference apprunner-services.md 5.5: port 8080, no variables, the newest version of the runtime."""
        found = read(LEAST, account=ACCOUNT)
        assert ("8080", "", "", (), (), ()) == (
            found.port,
            found.port_variable,
            found.runtime_version,
            found.variables,
            found.secrets,
            found.pre_run,
        )

    @pytest.mark.parametrize("runtime", RUNTIMES, ids=lambda runtime: runtime.keyword)
    def test_every_runtime_is_known_by_its_keyword(self, runtime):
        assert runtime == read(changed("python3", runtime.keyword), account=ACCOUNT).runtime

    def test_versions_are_texts_and_no_numbers(self):
        """3.10 as a number is 3.1, and 1.20 is 1.2."""
        text = changed("python3", "go1").replace("run:\n", "run:\n  runtime-version: 1.20\n")
        assert "1.20" == read(text, account=ACCOUNT).runtime_version

    @pytest.mark.parametrize("version", ["3", "3.11", "3.11.9"])
    def test_a_version_may_be_locked_as_far_as_one_likes(self, version):
        text = changed("3.11.10", version, EVERYTHING)
        assert version == read(text, account=ACCOUNT).runtime_version

    def test_aliases_and_other_ways_to_write_are_yaml(self):
        text = LEAST.replace("      - pip install pipenv", "      [&one 'pip install', *one]")
        assert ("pip install", "pip install") == read(text, account=ACCOUNT).build
        folded = LEAST.replace("command: python app.py", "command: >-\n    python\n    app.py")
        assert "python app.py" == read(folded, account=ACCOUNT).command

    def test_of_a_name_the_last_value_counts(self):
        env = "run:\n  env:\n    - {name: A, value: 1}\n    - {name: A, value: 2}\n"
        assert (("A", "2"),) == read(LEAST.replace("run:\n", env), account=ACCOUNT).variables


class TestMistakes:
    def test_what_is_required_is_said_with_the_line_of_its_section(self):
        assert [
            "apprunner.yaml, line 1: `version` is required.",
            "apprunner.yaml, line 1: `runtime` is required.",
            "apprunner.yaml, line 1: `build` is required.",
            "apprunner.yaml, line 2: `run.command` is required.",
        ] == mistakes("run:\n  env: []\n")
        assert ["apprunner.yaml, line 4: `build.commands` is required."] == mistakes(
            "version: 1.0\nruntime: python3\nbuild:\n  env: []\nrun:\n  command: x\n"
        )

    @pytest.mark.parametrize("empty", ["build:\n      - pip install pipenv", "build: [pip install pipenv]"])
    def test_there_is_no_build_without_commands(self, empty):
        text = changed("build:\n      - pip install pipenv", empty)
        text = text.replace("- pip install pipenv", "").replace("[pip install pipenv]", "[]")
        assert ["apprunner.yaml, line 5: `build.commands.build` is required."] == mistakes(text)

    @pytest.mark.parametrize(
        ("old", "new", "said"),
        [
            ("version: 1.0", "version: 2", "line 1: `version` must be 1.0, not 2."),
            ("python3", "pyton3", "line 2: There is no runtime pyton3. Did you mean python3?"),
            ("python3", "[python3]", "line 2: There is no runtime a list."),
            ("  command:", "  comand:", "line 8: `run` has no key `comand`. Did you mean command?"),
            ("  command:", "  command: a\n  command:", "line 9: `run` has the key `command` twice."),
            ("run:\n", "run:\n  network: 8080\n", "line 8: `run.network` must have keys and values."),
            (
                "run:\n",
                "run:\n  network:\n    port: 80800\n",
                "line 9: `run.network.port` must be a number between 1 and 65535, not 80800.",
            ),
            ("run:\n", "run:\n  network: {port: 0}\n", "line 8: `run.network.port` must be a number"),
            (
                "run:\n",
                "run:\n  network: {port: [1]}\n",
                "line 8: `run.network.port` must be a single value.",
            ),
            (
                "      - pip install pipenv",
                "      - echo done: yes",
                "line 6: A command in `build.commands.build` must be a single text. Quote one that has a colon.",
            ),
            (
                "      - pip install pipenv",
                "      -",
                "line 6: A command in `build.commands.build` is empty.",
            ),
            (
                "build:\n      - pip install pipenv",
                "build: pip install",
                "line 5: `build.commands.build` must be a list of commands.",
            ),
            (
                "run:\n",
                "run:\n  pre-run: [x]\n",
                "line 8: `run.pre-run` is for runtimes of the revised build",
            ),
            (
                "run:\n",
                "run:\n  runtime-version: 2.7\n",
                "line 8: The runtime python3 has Python 3, not version 2.7.",
            ),
            (
                "run:\n",
                "run:\n  runtime-version: latest\n",
                "line 8: `run.runtime-version` must be numbers with dots",
            ),
            ("run:\n", "run:\n  env: {A: b}\n", "line 8: `run.env` must be a list of `name` and `value`."),
            ("run:\n", "run:\n  env:\n    - value: b\n", "line 9: An entry of `run.env` has no `name`."),
            ("run:\n", "run:\n  env:\n    -\n", "line 9: An entry of `run.env` is empty."),
            ("run:\n", "run:\n  env:\n    - name: A\n", "line 9: A in `run.env` has no `value`."),
            ("run:\n", "run:\n  env:\n    - A=b\n", "line 9: `run.env[]` must have keys and values."),
            (
                "run:\n",
                "run:\n  env:\n    - {name: A, valu: b}\n",
                "line 9: `run.env[]` has no key `valu`. Did you mean value?",
            ),
            (
                "run:\n",
                "run:\n  env:\n    - {name: PORT, value: 80}\n",
                "line 9: The environment variable PORT is reserved.",
            ),
            (
                "run:\n",
                "run:\n  env:\n    - {name: AWSAPPRUNNER_X, value: 80}\n",
                "line 9: Environment variables with the prefix AWSAPPRUNNER are reserved: AWSAPPRUNNER_X.",
            ),
            (
                "run:\n",
                "run:\n  secrets:\n    - {name: A, value-from: 'arn:aws:s3:::bucket'}\n",
                "line 9: The value of the secret A isn't valid.",
            ),
            (
                "run:\n",
                "run:\n  secrets:\n    - {name: A, value-from: 'arn:aws:ssm:us-east-1:111122223333:parameter/a'}\n",
                "line 9: The secret A refers to a Systems Manager parameter of another account",
            ),
            (
                "run:\n",
                "run:\n  env:\n    - {name: A, value: b}\n  secrets:\n    - {name: A, value-from: b}\n",
                "line 11: A name can't be both an environment variable and a secret: A.",
            ),
            ("version: 1.0", "version: 1.0\nname: web", "line 2: The file has no key `name`."),
        ],
    )
    def test_each_mistake_is_one_sentence(self, old, new, said):
        found = mistakes(changed(old, new))
        assert any(each.startswith(f"apprunner.yaml, {said}") for each in found), found

    def test_all_mistakes_are_told_in_the_order_of_lines(self):
        text = changed("python3", "cobol60").replace("command:", "comand:").replace("1.0", "9")
        lines = [int(each.split("line ")[1].split(":")[0]) for each in mistakes(text)]
        assert [1, 2, 8, 8] == lines

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("", "apprunner.yaml: The file is empty."),
            ("# only a comment\n", "apprunner.yaml: The file is empty."),
            ("- a\n", "apprunner.yaml, line 1: The file must have keys and values."),
            (
                "a: b: c\n",
                "apprunner.yaml, line 1: The file is not valid YAML: mapping values are not allowed here.",
            ),
            (
                "version: 1.0\n---\nversion: 1.0\n",
                "apprunner.yaml, line 2: The file has more than one document.",
            ),
            ("version: *x\n", "apprunner.yaml, line 1: The alias *x refers to nothing."),
            ("version: \x01\n", "apprunner.yaml, line 1: The file has characters that YAML forbids."),
            ("a: !!python/object:os.system x\nb: {", "apprunner.yaml, line 2: The file is not valid YAML:"),
        ],
    )
    def test_what_is_no_configuration_at_all(self, text, said):
        assert mistakes(text)[0].startswith(said)


class TestBounds:
    """A repository is somebody else's: a file of it must cost little, whatever stands in it."""

    def test_a_large_file_is_not_read(self):
        assert ["apprunner.yaml: The file is larger than 64 KiB."] == mistakes("#" * (64 * 1024 + 1))

    @pytest.mark.parametrize(
        "text",
        ["[" * 60_000, "a: " + "{a: " * 10_000, "- " * 30_000, "\n".join(" " * n + "a:" for n in range(200))],
    )
    def test_depth_is_bounded(self, text):
        assert "nested more than 16 levels deep" in mistakes(text)[0]

    def test_values_are_bounded(self):
        assert "more than 5,000 values" in mistakes("[" + "a," * 10_000 + "]")[0]

    def test_aliases_of_aliases_are_no_more_than_they_are_written(self):
        """A billion words from a hundred bytes, where each line names the one above ten times."""
        lines = ["a0: &a0 word"] + [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
        found = mistakes("\n".join(lines))
        assert "The file has no key `a0`." in found[0]

    @settings(max_examples=200, deadline=None)
    @given(st.text(max_size=400))
    def test_any_text_is_a_value_or_mistakes(self, text):
        found = mistakes_or_none(text)
        assert found is None or found

    @settings(max_examples=200, deadline=None)
    @given(st.data())
    def test_a_file_with_a_piece_changed_is_a_value_or_mistakes_with_lines_of_the_file(self, data):
        start = data.draw(st.integers(0, len(EVERYTHING)))
        end = data.draw(st.integers(start, min(len(EVERYTHING), start + 40)))
        piece = data.draw(st.text("abc:-[]{}&*!|>'\"#%@\n \t0", max_size=8))
        text = EVERYTHING[:start] + piece + EVERYTHING[end:]
        found = mistakes_or_none(text)
        assert found is None or found
        assert all(0 <= each.line <= text.count("\n") + 2 for each in found or ())


NAMES = st.from_regex(r"[A-Z][A-Z_]{0,8}", fullmatch=True).filter(lambda name: name != "PORT")
COMMANDS = st.lists(st.text("abcdefgh -=./:#'\"", min_size=1, max_size=20).filter(str.strip), max_size=3)


def quoted(text: str) -> str:
    """A text as YAML writes it without any doubt."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def listed(commands: list[str], indent: int) -> str:
    return "".join(f"\n{' ' * indent}- {quoted(each)}" for each in commands) or " []"


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from([each for each in RUNTIMES if each.revised]),
    COMMANDS,
    COMMANDS.filter(bool),
    COMMANDS,
    st.dictionaries(NAMES, st.text("abc: #\"'", max_size=9), max_size=3),
    st.integers(1, 65535),
)
def test_what_is_written_is_what_is_read(runtime, before, build, before_run, variables, port):
    env = "".join(f"\n    - name: {name}\n      value: {quoted(value)}" for name, value in variables.items())
    text = (
        f"version: 1.0\nruntime: {runtime.keyword}\nbuild:\n  commands:\n    pre-build:{listed(before, 6)}\n"
        f"    build:{listed(build, 6)}\nrun:\n  pre-run:{listed(before_run, 4)}\n  command: x\n"
        f"  network:\n    port: {port}\n  env:{env or ' []'}\n"
    )
    found = read(text, account=ACCOUNT)
    assert (tuple(before), tuple(build), tuple(before_run)) == (found.pre_build, found.build, found.pre_run)
    assert (runtime, variables, str(port)) == (found.runtime, dict(found.variables), found.port)


def test_a_tree_knows_its_lines():
    root = yaml_tree.read("a:\n  - b\n  - c: d\n")
    ((key, value),) = root.entries
    assert (1, "a", [2, 3]) == (key.line, key.text, [each.line for each in value.items])
