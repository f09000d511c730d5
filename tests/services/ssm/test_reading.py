"""Parameters read by name, version, label, ARN and path, and listed (parameters.md 23.3)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from refusals import refused

from understudy_aws.services.ssm.names import is_below, selected
from understudy_aws.services.ssm.records import arn_of

ACCOUNT = "000000000000"
ARN = f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter"


@pytest.fixture
def client(understudy):
    return understudy.client("ssm")


def put(client, name="/web/db", value="v", **more):
    return client.put_parameter(Name=name, Value=value, **{"Type": "String", **more})


def names(answer):
    return [each["Name"] for each in answer["Parameters"]]


class TestSelectors:
    @pytest.fixture
    def versions(self, client):
        for number in range(1, 4):
            put(client, value=f"v{number}", Overwrite=True)
        client.label_parameter_version(Name="/web/db", ParameterVersion=2, Labels=["live", "blue"])
        return client

    @pytest.mark.parametrize(
        ("name", "value", "selector"),
        [
            ("/web/db", "v3", None),
            ("/web/db:1", "v1", ":1"),
            ("/web/db:live", "v2", ":live"),
            (f"{ARN}/web/db", "v3", None),
            (f"{ARN}/web/db:1", "v1", ":1"),
            (f"{ARN}/web/db:blue", "v2", ":blue"),
        ],
    )
    def test_a_name_or_an_arn_and_a_version_or_a_label(self, versions, name, value, selector):
        found = versions.get_parameter(Name=name)["Parameter"]
        assert (value, selector) == (found["Value"], found.get("Selector"))
        assert ("/web/db", f"{ARN}/web/db") == (found["Name"], found["ARN"])
        (same,) = versions.get_parameters(Names=[name])["Parameters"]
        assert found == same

    @pytest.mark.parametrize("selector", ["4", "0", "green", "9" * 40, "1:live"])
    def test_a_version_that_is_not_there(self, versions, selector):
        text = (
            f"Systems Manager could not find version {selector} of /web/db. Verify the version and try again."
        )
        with refused("ParameterVersionNotFound", text):
            versions.get_parameter(Name=f"/web/db:{selector}")
        asked = [f"/web/db:{selector}"]
        assert asked == versions.get_parameters(Names=asked)["InvalidParameters"]

    def test_of_several_those_that_are_not_there_are_told(self, versions):
        put(versions, name="plain")
        asked = ["/web/db:live", "nothing", "plain", f"{ARN}/none", f"{ARN}/plain"]
        found = versions.get_parameters(Names=asked)
        assert ["v2", "v", "v"] == [each["Value"] for each in found["Parameters"]]
        assert ["nothing", f"{ARN}/none"] == found["InvalidParameters"]

    def test_an_arn_of_another_region_names_nothing(self, versions):
        with refused("ParameterNotFound"):
            versions.get_parameter(Name=f"{ARN}/web/db".replace("us-east-1", "eu-west-1"))


class TestLabels:
    def test_a_label_is_on_one_version_and_moves(self, client):
        put(client)
        put(client, Overwrite=True)
        client.label_parameter_version(Name="/web/db", ParameterVersion=1, Labels=["live", "old"])
        told = client.label_parameter_version(Name="/web/db", Labels=["live"])
        assert ([], 2) == (told["InvalidLabels"], told["ParameterVersion"])
        history = client.get_parameter_history(Name="/web/db")["Parameters"]
        assert [["old"], ["live"]] == [each["Labels"] for each in history]

    def test_what_is_no_label_is_told_and_left_out(self, client):
        put(client)
        labels = ["1st", "aws-x", "SSM", "a b", "good_1.-"]
        assert labels[:-1] == client.label_parameter_version(Name="/web/db", Labels=labels)["InvalidLabels"]
        (found,) = client.get_parameter_history(Name="/web/db")["Parameters"]
        assert ["good_1.-"] == found["Labels"]

    def test_a_version_has_ten_at_most(self, client):
        put(client)
        client.label_parameter_version(Name="/web/db", Labels=[f"label{number}" for number in range(10)])
        with refused("ParameterVersionLabelLimitExceeded"):
            client.label_parameter_version(Name="/web/db", Labels=["more"])

    def test_they_are_taken_away(self, client):
        put(client)
        client.label_parameter_version(Name="/web/db", Labels=["a", "b"])
        told = client.unlabel_parameter_version(Name="/web/db", ParameterVersion=1, Labels=["a", "c"])
        assert (["a"], ["c"]) == (told["RemovedLabels"], told["InvalidLabels"])
        assert ["b"] == client.get_parameter_history(Name="/web/db")["Parameters"][0]["Labels"]

    def test_of_what_is_not_there(self, client):
        with refused("ParameterNotFound"):
            client.label_parameter_version(Name="none", Labels=["a"])
        put(client)
        with refused("ParameterVersionNotFound"):
            client.label_parameter_version(Name="/web/db", ParameterVersion=2, Labels=["a"])
        with refused("ParameterVersionNotFound"):
            client.unlabel_parameter_version(Name="/web/db", ParameterVersion=-1, Labels=["a"])


class TestPaths:
    @pytest.fixture
    def tree(self, client):
        for name in ("top", "/other", "/web/a", "/web/b", "/web/b/c", "/web/b/c/d", "/web-more/a", "/webx"):
            put(client, name=name)
        return client

    @pytest.mark.parametrize(
        ("path", "recursive", "expected"),
        [
            ("/web", False, ["/web/a", "/web/b"]),
            ("/web/", False, ["/web/a", "/web/b"]),
            ("/web", True, ["/web/a", "/web/b", "/web/b/c", "/web/b/c/d"]),
            ("/web/b", True, ["/web/b/c", "/web/b/c/d"]),
            ("/", False, ["/other", "/webx", "top"]),
            ("/nothing", True, []),
        ],
    )
    def test_what_is_below_a_path(self, tree, path, recursive, expected):
        assert expected == names(tree.get_parameters_by_path(Path=path, Recursive=recursive))

    def test_the_root_with_all_below_it_page_by_page(self, tree):
        found, token = [], {}
        while True:
            answer = tree.get_parameters_by_path(Path="/", Recursive=True, MaxResults=3, **token)
            assert len(answer["Parameters"]) <= 3
            found += names(answer)
            if "NextToken" not in answer:
                break
            token = {"NextToken": answer["NextToken"]}
        assert sorted(found) == found
        assert 8 == len(set(found)) == len(found)

    @pytest.mark.parametrize("path", ["web", "/a//b", "/a b", "/ä"])
    def test_what_is_no_path(self, client, path):
        with refused("ValidationException") as told:
            client.get_parameters_by_path(Path=path)
        assert "must begin with a forward slash" in told.text

    def test_by_type_and_by_label(self, client):
        put(client, name="/web/a", Type="SecureString")
        put(client, name="/web/b", value="first")
        put(client, name="/web/b", value="second", Overwrite=True)
        client.label_parameter_version(Name="/web/b", ParameterVersion=1, Labels=["live"])
        client.label_parameter_version(Name="/web/b", ParameterVersion=2, Labels=["next"])

        def below(key, *values, **more):
            wanted = [{"Key": key, "Values": list(values)}]
            return client.get_parameters_by_path(Path="/web", ParameterFilters=wanted, **more)

        assert ["/web/a"] == names(below("Type", "SecureString"))
        (found,) = below("Label", "live")["Parameters"]
        assert ("first", ":live") == (found["Value"], found["Selector"])
        first = below("Label", "live", "next", MaxResults=1)
        second = below("Label", "live", "next", MaxResults=1, NextToken=first["NextToken"])
        assert ["first", "second"] == [
            each["Value"] for page in (first, second) for each in page["Parameters"]
        ]
        assert "NextToken" not in second
        with refused("InvalidFilterKey") as told:
            below("Name", "a")
        assert "The following filter key is not valid: Name." in told.text

    def test_another_s_token_is_none(self, tree):
        token = tree.get_parameters_by_path(Path="/web", MaxResults=1)["NextToken"]
        for path, forged in (("/", token), ("/web", "x")):
            with refused("InvalidNextToken"):
                tree.get_parameters_by_path(Path=path, NextToken=forged)


@pytest.mark.parametrize(
    "name", ["/aws/service/ami-amazon-linux-latest/x", "/aws/reference/secretsmanager/db"]
)
def test_public_parameters_are_not_served_and_said_so(client, name):
    for ask in (
        lambda: client.get_parameter(Name=name),
        lambda: client.get_parameters(Names=[name]),
        lambda: client.get_parameters_by_path(Path=name),
    ):
        with refused("NotImplemented") as told:
            ask()
        assert name in told.text


class TestDescribe:
    @pytest.fixture
    def some(self, client):
        put(client, name="/web/a", Tags=[{"Key": "team", "Value": "web"}])
        put(client, name="/web/b", Type="SecureString")
        put(client, name="/web/b/c", Type="StringList", value="a,b", Tier="Advanced")
        put(client, name="plain")
        return client

    @pytest.mark.parametrize(
        ("wanted", "expected"),
        [
            ({"Key": "Name", "Values": ["/web/a", "plain"]}, ["/web/a", "plain"]),
            ({"Key": "Name", "Values": ["web/a"]}, ["/web/a"]),
            ({"Key": "Name", "Option": "BeginsWith", "Values": ["/web/b"]}, ["/web/b", "/web/b/c"]),
            ({"Key": "Name", "Option": "Contains", "Values": ["lai", "/c"]}, ["/web/b/c", "plain"]),
            ({"Key": "Path", "Values": ["/web"]}, ["/web/a", "/web/b"]),
            ({"Key": "Path", "Option": "Recursive", "Values": ["/web"]}, ["/web/a", "/web/b", "/web/b/c"]),
            ({"Key": "Type", "Values": ["SecureString", "StringList"]}, ["/web/b", "/web/b/c"]),
            ({"Key": "Tier", "Values": ["Advanced"]}, ["/web/b/c"]),
            ({"Key": "KeyId", "Values": ["alias/aws/ssm"]}, ["/web/b"]),
            ({"Key": "DataType", "Values": ["text"]}, ["/web/a", "/web/b", "/web/b/c", "plain"]),
            ({"Key": "tag:team", "Values": ["web"]}, ["/web/a"]),
            ({"Key": "tag:team", "Values": ["ops"]}, []),
            ({"Key": "tag:team"}, ["/web/a"]),
        ],
    )
    def test_filters(self, some, wanted, expected):
        assert expected == names(some.describe_parameters(ParameterFilters=[wanted]))

    def test_the_older_filters(self, some):
        wanted = [{"Key": "Name", "Values": ["/web/b"]}, {"Key": "Type", "Values": ["StringList"]}]
        assert ["/web/b/c"] == names(some.describe_parameters(Filters=wanted))
        with refused("ValidationException"):
            some.describe_parameters(Filters=wanted, ParameterFilters=[{"Key": "Name", "Values": ["a"]}])

    @pytest.mark.parametrize(
        ("wanted", "code"),
        [
            ([{"Key": "Label", "Values": ["a"]}], "InvalidFilterKey"),
            ([{"Key": "Name"}], "InvalidFilterValue"),
            ([{"Key": "Name", "Values": ["a"]}, {"Key": "Name", "Values": ["b"]}], "InvalidFilterKey"),
            ([{"Key": "Type", "Option": "Contains", "Values": ["S"]}], "InvalidFilterOption"),
            ([{"Key": "Path", "Option": "Equals", "Values": ["/a"]}], "InvalidFilterOption"),
            ([{"Key": "Tier", "Values": ["Best"]}], "InvalidFilterOption"),
            ([{"Key": "Path", "Values": ["a"]}], "ValidationException"),
            ([{"Key": "Other", "Values": ["a"]}], "ValidationException"),
        ],
    )
    def test_filters_that_are_refused(self, client, wanted, code):
        with refused(code):
            client.describe_parameters(ParameterFilters=wanted)

    def test_pages_and_who_made_it(self, some, understudy):
        first = some.describe_parameters(MaxResults=3)
        rest = some.describe_parameters(MaxResults=3, NextToken=first["NextToken"])
        assert ["/web/a", "/web/b", "/web/b/c", "plain"] == names(first) + names(rest)
        assert "NextToken" not in rest
        assert (
            understudy.client("sts").get_caller_identity()["Arn"]
            == first["Parameters"][0]["LastModifiedUser"]
        )

    def test_nothing_is_shared_without_resource_access_manager(self, some):
        assert [] == some.describe_parameters(Shared=True)["Parameters"]


def test_history_is_told_page_by_page_from_the_oldest_on(client):
    for number in range(5):
        put(client, value=str(number), Overwrite=True)
    found, token = [], {}
    while True:
        answer = client.get_parameter_history(Name="/web/db", MaxResults=2, **token)
        found += [each["Value"] for each in answer["Parameters"]]
        if "NextToken" not in answer:
            break
        token = {"NextToken": answer["NextToken"]}
    assert ["0", "1", "2", "3", "4"] == found


PARTS = st.lists(st.text("ab.-_", min_size=1, max_size=3), min_size=1, max_size=4)


@given(parts=PARTS, depth=st.integers(0, 4))
def test_a_name_is_below_each_of_its_paths_and_no_other(parts, depth):
    name = "/" + "/".join(parts)
    path = "/" + "".join(f"{part}/" for part in parts[:depth])
    assert is_below(name, path, recursive=True) is (depth < len(parts))
    assert is_below(name, path, recursive=False) is (depth == len(parts) - 1)
    assert not is_below(name, f"{path}c/", recursive=True)


@given(parts=PARTS, selector=st.sampled_from(["", "1", "42", "live", "a.b-c_d"]))
def test_a_name_and_its_arn_choose_the_same_version(parts, selector):
    name = "/" + "/".join(parts)
    behind = f":{selector}" if selector else ""
    by_name, by_arn = selected(f"{name}{behind}"), selected(f"{arn_of(ACCOUNT, 'us-east-1', name)}{behind}")
    assert (name, selector) == (by_name.name, by_name.selector) == (by_arn.name, by_arn.selector)
    assert str(by_arn.arn) == arn_of(ACCOUNT, "us-east-1", name)
