"""Services that are not served refuse alike: by name, and in a form that AWS's own SDK reads."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from understudy_aws.core.http import HttpRequest

# One service of each protocol (botocore's API descriptions, `protocols`), how it is called, and how the refusal names
# the call: by its operation where the request has it in plain words, else by the service alone.
CALLS = [
    pytest.param("s3", "list_buckets", {}, "s3", id="rest-xml without a path"),
    pytest.param("s3", "get_object", {"Bucket": "b", "Key": "a/b"}, "s3", id="rest-xml with a path"),
    pytest.param("s3", "put_object", {"Bucket": "b", "Key": "a", "Body": b"Action=x"}, "s3", id="rest-xml with a body"),
    pytest.param("cloudfront", "list_distributions", {}, "cloudfront", id="rest-xml of CloudFront"),
    pytest.param("dynamodb", "list_tables", {}, "dynamodb:ListTables", id="json 1.0"),
    pytest.param("ecs", "list_clusters", {}, "ecs:ListClusters", id="json 1.1"),
    pytest.param("lambda", "list_functions", {}, "lambda", id="rest-json"),
    pytest.param("lambda", "invoke", {"FunctionName": "f", "Payload": b"{}"}, "lambda", id="rest-json with a body"),
    pytest.param("rds", "describe_db_instances", {}, "rds:DescribeDBInstances", id="query"),
    pytest.param("cloudwatch", "list_metrics", {}, "monitoring:ListMetrics", id="cbor"),
    pytest.param("events", "list_rules", {}, "events:ListRules", id="json of a service with two protocols"),
]  # fmt: skip


@pytest.mark.parametrize(("service", "method", "arguments", "named"), CALLS)
def test_the_sdk_reads_who_is_not_served(understudy, service, method, arguments, named):
    with pytest.raises(ClientError) as refused:
        getattr(understudy.client(service), method)(**arguments)
    said = refused.value.response
    assert ("NotImplemented", f"Understudy does not serve {named}.") == (
        said["Error"]["Code"],
        said["Error"]["Message"],
    )
    assert 501 == said["ResponseMetadata"]["HTTPStatusCode"]
    assert said["ResponseMetadata"].get("RequestId")


@pytest.mark.parametrize("service", ["x" * 1000, "<b>", "s3\x1b[31m"])
def test_a_strange_name_stays_short_and_is_escaped(understudy, service):
    scope = f"AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host"
    answer = understudy.app.answer(
        HttpRequest("POST", "/", "", {"authorization": scope, "host": "here"}, b"Action=<Do>")
    )
    assert 501 == answer.status
    assert len(answer.body) < 500
    assert b"<b>" not in answer.body
