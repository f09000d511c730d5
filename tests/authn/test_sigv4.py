"""Signatures made by botocore, verified by us; and everything that is no signature."""

import datetime as dt
import hashlib
import hmac
import posixpath
import time
from unittest.mock import patch
from urllib.parse import parse_qsl, urlsplit

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.utils import percent_encode_sequence
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from understudy_aws.authn.errors import AuthenticationError
from understudy_aws.authn.sigv4 import (
    canonical_path,
    canonical_query,
    claimed_scope,
    read_signature,
    verify,
)
from understudy_aws.core.http import HttpRequest

NOW = dt.datetime(2026, 3, 4, 5, 6, 7, tzinfo=dt.UTC)
DATE = "20260304T050607Z"
KEY, SECRET, TOKEN = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "IQoJ+the/token=="
FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
BODY = b"Action=GetCallerIdentity&Version=2011-06-15"
MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
    "Access Key and signing method. Consult the service documentation for details."
)


def signed(
    method="POST",
    url="http://127.0.0.1:4566/",
    *,
    headers=FORM,
    body=BODY,
    token=None,
    presign=0,
    service="sts",
    region="eu-west-1",
    key=KEY,
    secret=SECRET,
):
    """A request as botocore signs it at NOW (it reads the clock itself), and as it then stands on the wire."""
    request = AWSRequest(method, url, data=body, headers=dict(headers))
    credentials = Credentials(key, secret, token)
    signer = (
        botocore.auth.SigV4QueryAuth(credentials, service, region, expires=presign)
        if presign
        else botocore.auth.SigV4Auth(credentials, service, region)
    )
    with patch.object(botocore.auth, "get_current_datetime", lambda *_, **__: NOW.replace(tzinfo=None)):
        signer.add_auth(request)
    parts = urlsplit(request.url)
    lowered = {name.lower(): value for name, value in request.headers.items()}
    return HttpRequest(method, parts.path, parts.query, {"host": parts.netloc, **lowered}, body)


def check(request, *, service="sts", now=NOW, region="", secret=SECRET, **kwargs):
    signature = read_signature(request, service=service, now=now, region=region, **kwargs)
    verify(request, signature, secret)
    return signature


def refusal(request, **kwargs):
    with pytest.raises(AuthenticationError) as caught:
        check(request, **kwargs)
    return caught.value.kind, caught.value.message


def with_headers(request, **changed):
    """Headers by name with underscores; None takes one away."""
    headers = dict(request.headers)
    for name, value in changed.items():
        headers.pop(name.replace("_", "-"), None)
        if value is not None:
            headers[name.replace("_", "-")] = value
    return replace(request, headers=headers)


def with_authorization(request, old, new):
    assert old in request.headers["authorization"]
    return with_headers(request, authorization=request.headers["authorization"].replace(old, new))


def hand_signed(
    canonical, *, signed_headers, headers, body=b"", method="GET", path="/", query="", secure=False
):
    """A request whose canonical form was written out by hand, signed from first principles."""
    scope = "20260304/us-east-1/iam/aws4_request"
    digest = hashlib.sha256(canonical.encode("latin-1")).hexdigest()
    key = f"AWS4{SECRET}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(
        key, f"AWS4-HMAC-SHA256\n{DATE}\n{scope}\n{digest}".encode(), hashlib.sha256
    ).hexdigest()
    authorization = (
        f"AWS4-HMAC-SHA256 Credential={KEY}/{scope}, SignedHeaders={signed_headers}, Signature={signature}"
    )
    return HttpRequest(method, path, query, {**headers, "authorization": authorization}, body, secure=secure)


EMPTY = hashlib.sha256(b"").hexdigest()


class TestWhatBotocoreSigns:
    @pytest.mark.parametrize("token", [None, TOKEN])
    @pytest.mark.parametrize(
        ("method", "url", "body"),
        [
            ("POST", "http://127.0.0.1:4566/", BODY),
            ("POST", "http://127.0.0.1:4566/", b""),
            ("GET", "http://127.0.0.1:4566/?Action=ListUsers&Version=2010-05-08", b""),
            ("GET", "http://localhost/a/./b/../c//d/?z=1&a=2&a=1&empty=", b""),
            ("GET", "http://localhost/with%20blank/%C3%A9~x?q=a%20b%2Fc~", b""),
            ("PUT", "https://iam.amazonaws.com/x", bytes(range(256))),
        ],
    )
    def test_is_verified(self, method, url, body, token):
        signature = check(signed(method, url, body=body, token=token))
        assert (KEY, "20260304", "eu-west-1", "sts") == (
            signature.scope.access_key_id,
            signature.scope.date,
            signature.scope.region,
            signature.scope.service,
        )
        assert signature.token == (token or "")
        assert not signature.presigned

    @pytest.mark.parametrize("token", [None, TOKEN])
    def test_is_verified_presigned(self, token):
        request = signed(
            "GET",
            "http://localhost/?Action=GetCallerIdentity&Version=2011-06-15",
            headers={},
            body=b"",
            presign=60,
            token=token,
        )
        signature = check(request)
        assert signature.presigned
        assert signature.token == (token or "")

    def test_another_secret_is_refused(self):
        assert refusal(signed(), secret="another") == ("mismatch", MISMATCH)
        assert refusal(signed("GET", body=b"", headers={}, presign=60), secret="another")[0] == "mismatch"

    def test_headers_outside_the_signature_may_be_added(self):
        check(with_headers(signed(), user_agent="added/1.0", x_forwarded_for="10.0.0.1"))

    def test_a_form_body_is_no_part_of_the_canonical_query(self):
        """The same pairs in the query instead of the body are another request."""
        request = signed()
        assert refusal(replace(request, query=BODY.decode(), body=b""))[0] == "mismatch"


class TestWhatWasWrittenOutByHand:
    """Canonical requests after the published rules (signatures.md 6.1), each line put down here."""

    def test_blanks_in_header_values_are_trimmed_and_collapsed(self):
        canonical = (
            f"GET\n/\n\nhost:h\nmy-header:a b c\nx-amz-date:{DATE}\n\nhost;my-header;x-amz-date\n{EMPTY}"
        )
        check(
            hand_signed(
                canonical,
                signed_headers="host;my-header;x-amz-date",
                headers={"host": " h ", "my-header": "  a   b \t c ", "x-amz-date": DATE},
            ),
            service="iam",
        )

    def test_the_query_is_sorted_by_encoded_name_then_value(self):
        query = "b=2&a=z&a=b&A=1&c"
        canonical = f"GET\n/\nA=1&a=b&a=z&b=2&c=\nhost:h\nx-amz-date:{DATE}\n\nhost;x-amz-date\n{EMPTY}"
        check(
            hand_signed(
                canonical,
                signed_headers="host;x-amz-date",
                query=query,
                headers={"host": "h", "x-amz-date": DATE},
            ),
            service="iam",
        )

    def test_a_path_is_encoded_twice(self):
        canonical = f"GET\n/a%2520b\n\nhost:h\nx-amz-date:{DATE}\n\nhost;x-amz-date\n{EMPTY}"
        check(
            hand_signed(
                canonical,
                signed_headers="host;x-amz-date",
                path="/x/../a%20b",
                headers={"host": "h", "x-amz-date": DATE},
            ),
            service="iam",
        )

    def test_a_date_header_in_https_own_format_will_do(self):
        canonical = f"GET\n/\n\ndate:Wed, 04 Mar 2026 05:06:07 GMT\nhost:h\n\ndate;host\n{EMPTY}"
        check(
            hand_signed(
                canonical,
                signed_headers="date;host",
                headers={"host": "h", "date": "Wed, 04 Mar 2026 05:06:07 GMT"},
            ),
            service="iam",
        )


class TestThePayload:
    def unsigned(self, *, secure, stated="UNSIGNED-PAYLOAD"):
        names = "host;x-amz-content-sha256;x-amz-date"
        canonical = f"GET\n/\n\nhost:h\nx-amz-content-sha256:{stated}\nx-amz-date:{DATE}\n\n{names}\n{stated}"
        headers = {"host": "h", "x-amz-content-sha256": stated, "x-amz-date": DATE}
        return hand_signed(canonical, signed_headers=names, headers=headers, body=b"any", secure=secure)

    def test_may_go_unsigned_over_tls(self):
        check(self.unsigned(secure=True), service="iam")

    def test_may_not_go_unsigned_over_plain_http(self):
        assert refusal(self.unsigned(secure=False), service="iam") == ("mismatch", MISMATCH)

    @pytest.mark.parametrize("stated", [EMPTY, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "", "unsigned-payload"])
    def test_a_stated_hash_that_is_not_the_bodys_is_refused(self, stated):
        assert refusal(self.unsigned(secure=True, stated=stated), service="iam") == ("mismatch", MISMATCH)

    def test_a_stated_hash_that_is_the_bodys_is_verified(self):
        check(self.unsigned_with_true_hash(), service="iam")

    def unsigned_with_true_hash(self):
        return self.unsigned(secure=False, stated=hashlib.sha256(b"any").hexdigest())

    def test_a_presigned_url_cannot_leave_it_unsigned(self):
        request = signed("GET", "https://localhost/", headers={}, body=b"", presign=60)
        request = replace(request, secure=True, body=b"added")
        assert refusal(request)[0] == "mismatch"
        assert refusal(with_headers(request, x_amz_content_sha256="UNSIGNED-PAYLOAD"))[0] == "scope"


class TestWhatMustBeSigned:
    @pytest.mark.parametrize("presign", [None, 60])
    @pytest.mark.parametrize(
        ("name", "told"),
        [
            ("x_amz_target", "'X-Amz-Target' must be a 'SignedHeader' in the AWS Authorization."),
            ("x_amz_meta_a", "'X-Amz-Meta-A' must be a 'SignedHeader' in the AWS Authorization."),
        ],
    )
    def test_every_amz_header(self, name, told, presign):
        """AWS, "Create a signed AWS API request": headers that begin with x-amz- must be among the signed ones."""
        request = signed("POST", "http://h/", body=b"", presign=presign or 0)
        check(request)
        assert ("scope", told) == refusal(with_headers(request, **{name: "AppRunner.DeleteService"}))

    def test_the_token_may_be_added_afterwards(self):
        """Reference signatures.md 6.1; a wrong one is refused for what it is."""
        assert (
            "t" == check(with_headers(signed("POST", "http://h/", body=b""), x_amz_security_token="t")).token
        )

    def test_very_many_headers_take_no_time(self):
        names = [f"x-amz-{number}" for number in range(5000)]
        request = with_headers(signed("POST", "http://h/", body=b""), **dict.fromkeys(names, "v"))
        request = with_authorization(request, "host;", ";".join(["host", *names]) + ";")
        began = time.perf_counter()
        assert "mismatch" == refusal(request)[0]
        assert time.perf_counter() - began < 0.25


class TestFormFaults:
    """Texts: signatures.md 6.2."""

    @pytest.mark.parametrize("header", ["", "Basic YTpi", "Bearer x", "AWS AKID:sig", "aws4-hmac-sha256 x"])
    def test_no_credentials(self, header):
        request = with_headers(signed(), authorization=header)
        assert refusal(request) == ("missing", "Request is missing Authentication Token")

    def test_no_authorization_at_all(self):
        assert refusal(with_headers(signed(), authorization=None))[0] == "missing"

    def test_both_styles_at_once(self):
        request = replace(signed(), query="X-Amz-Algorithm=AWS4-HMAC-SHA256")
        assert refusal(request) == (
            "incomplete",
            "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.",
        )

    def test_a_part_without_equal_sign(self):
        header = "AWS4-HMAC-SHA256 Credential=a, oops, Signature=b"
        assert refusal(with_headers(signed(), authorization=header)) == (
            "incomplete",
            f"'oops' not a valid key=value pair (missing equal-sign) in Authorization header: '{header}'.",
        )

    def test_two_authorization_headers_joined_by_a_comma(self):
        request = signed()
        twice = f"{request.headers['authorization']},{request.headers['authorization']}"
        assert refusal(with_headers(request, authorization=twice))[1].startswith(
            "'AWS4-HMAC-SHA256' not a valid key=value pair (missing equal-sign)"
        )

    def test_all_parts_missing_are_named_together(self):
        request = with_headers(signed(), authorization="AWS4-HMAC-SHA256 a=b", x_amz_date=None)
        assert refusal(request) == (
            "incomplete",
            (
                "Authorization header requires 'Credential' parameter. "
                "Authorization header requires 'Signature' parameter. "
                "Authorization header requires 'SignedHeaders' parameter. "
                "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. "
                "Authorization=AWS4-HMAC-SHA256 a=b"
            ),
        )

    @pytest.mark.parametrize(
        "date",
        [
            "2026-03-04T05:06:07Z",
            "20260304",
            "20261304T050607Z",
            "20260304T250607Z",
            "tomorrow",
            "２０２６0304T050607Z",
            "Wed, 99 Foo 2026 05:06:07 GMT",
        ],
    )
    def test_no_date(self, date):
        assert refusal(with_headers(signed(), x_amz_date=date)) == (
            "incomplete",
            (
                f"Date must be in ISO-8601 'basic format'. Got '{date}'. "
                "See http://en.wikipedia.org/wiki/ISO_8601"
            ),
        )

    @pytest.mark.parametrize("algorithm", ["AWS4-ECDSA-P256-SHA256", "AWS4-HMAC-SHA1"])
    def test_another_algorithm(self, algorithm):
        request = with_authorization(signed(), "AWS4-HMAC-SHA256", algorithm)
        text = f"Unsupported AWS 'algorithm': '{algorithm}' (only AWS4-HMAC-SHA256 for now). "
        assert refusal(request) == ("incomplete", text)

    @pytest.mark.parametrize("credential", ["a", "a/b/c/d", "a/b/c/d/e/f"])
    def test_a_credential_not_of_five_parts(self, credential):
        scope = f"{KEY}/20260304/eu-west-1/sts/aws4_request"
        assert refusal(with_authorization(signed(), scope, credential)) == (
            "incomplete",
            (
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, "
                f"got '{credential}'"
            ),
        )

    @pytest.mark.parametrize(
        "name", ["Algorithm", "Credential", "Signature", "SignedHeaders", "Date", "Expires"]
    )
    def test_a_presigned_url_without_one_of_its_parameters(self, name):
        request = signed("GET", headers={}, body=b"", presign=60)
        kept = [pair for pair in request.query.split("&") if not pair.startswith(f"X-Amz-{name}=")]
        if name == "Algorithm":
            kept.append("X-Amz-Algorithm=")
        assert refusal(replace(request, query="&".join(kept))) == (
            "incomplete",
            f"AWS query-string parameters must include 'X-Amz-{name}'. Re-examine the query-string parameters.",
        )

    @pytest.mark.parametrize(
        ("expires", "text"),
        [
            ("0", "X-Amz-Expires must be greater than 0"),
            ("-1", "X-Amz-Expires should be a number"),
            ("soon", "X-Amz-Expires should be a number"),
            ("604801", "less than 604800 seconds"),
            ("9" * 5000, "less than 604800 seconds"),
        ],
    )
    def test_a_presigned_url_for_too_long_or_no_time(self, expires, text):
        """Reference signatures.md 6.1: 1 to 604800 seconds."""
        request = signed("GET", headers={}, body=b"", presign=60)
        request = replace(request, query=request.query.replace("Expires=60", f"Expires={expires}"))
        kind, message = refusal(request)
        assert kind == "incomplete"
        assert message.endswith(text)


class TestTime:
    def test_fifteen_minutes_off_is_in_time(self):
        for minutes in (-15, 0, 15):
            check(signed(), now=NOW + dt.timedelta(minutes=minutes))

    def test_later_is_expired(self):
        assert refusal(signed(), now=NOW + dt.timedelta(minutes=15, seconds=1)) == (
            "skew",
            (
                "Signature expired: 20260304T050607Z is now earlier than 20260304T050608Z "
                "(20260304T052108Z - 15 min.)"
            ),
        )

    def test_earlier_is_not_yet_current(self):
        assert refusal(signed(), now=NOW - dt.timedelta(minutes=15, seconds=1)) == (
            "skew",
            (
                "Signature not yet current: 20260304T050607Z is still later than 20260304T050606Z "
                "(20260304T045106Z + 15 min.)"
            ),
        )

    def test_the_allowance_is_a_setting(self):
        five = dt.timedelta(minutes=5)
        kind, message = refusal(signed(), now=NOW + dt.timedelta(minutes=6), skew=five)
        assert kind == "skew"
        assert message.endswith("- 5 min.)")

    def test_a_presigned_url_lives_as_long_as_it_says(self):
        short = signed("GET", headers={}, body=b"", presign=90)
        check(short, now=NOW + dt.timedelta(seconds=90))
        kind, message = refusal(short, now=NOW + dt.timedelta(seconds=91))
        assert kind == "skew"
        assert message.endswith("(20260304T050738Z - 90 sec.)")
        week = signed("GET", headers={}, body=b"", presign=604800)
        check(week, now=NOW + dt.timedelta(days=7))


class TestScope:
    def test_another_region(self):
        assert refusal(signed(), region="us-east-1") == (
            "scope",
            "Credential should be scoped to a valid region, not 'eu-west-1'. ",
        )
        check(signed(), region="eu-west-1")

    def test_something_that_is_no_region(self):
        assert refusal(with_authorization(signed(), "/eu-west-1/", "//"))[1] == (
            "Credential should be scoped to a valid region, not ''. "
        )

    def test_another_service(self):
        assert refusal(signed(service="s3")) == (
            "scope",
            "Credential should be scoped to correct service: 'sts'. ",
        )

    def test_every_fault_of_a_scope_is_told_at_once(self):
        request = with_authorization(
            signed(), "20260304/eu-west-1/sts/aws4_request", "20260305/eu-west-1/s3/aws5_request"
        )
        assert refusal(request, region="us-east-1")[1] == (
            "Credential should be scoped to a valid region, not 'eu-west-1'. "
            "Credential should be scoped to correct service: 'sts'. "
            "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'. "
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            "'20260305' != '20260304', from '20260304T050607Z'."
        )

    def test_an_unsigned_host(self):
        assert refusal(with_authorization(signed(), ";host", "")) == (
            "scope",
            "'Host' must be a 'SignedHeader' in the AWS Authorization.",
        )

    def test_a_signed_header_that_did_not_come(self):
        assert refusal(with_headers(signed(), content_type=None)) == (
            "scope",
            "'content-type' is named as a SignedHeader, but it does not exist in the HTTP request.",
        )


class TestTheOrderOfFaults:
    def test_is_the_one_observed(self):
        """Reference signatures.md 6.1: form, date, skew, host, algorithm, credential, scope, then the signature."""
        request = signed(service="s3", secret="wrong")
        faults = [
            (
                lambda r: with_headers(r, authorization=f"{r.headers['authorization']} oops"),
                "not a valid key=value",
            ),
            (lambda r: with_authorization(r, "Signature=", "Sig="), "requires 'Signature'"),
            (lambda r: with_headers(r, x_amz_date="x"), "Date must be"),
            (lambda r: with_headers(r, x_amz_date="20260303T050607Z"), "Signature expired"),
            (lambda r: with_authorization(r, ";host", ""), "'Host' must be"),
            (lambda r: with_authorization(r, "AWS4-HMAC-SHA256", "AWS4-X"), "Unsupported AWS"),
            (lambda r: with_authorization(r, "/aws4_request", ""), "exactly 5"),
            (lambda r: r, "scoped to correct service"),
        ]
        for number in range(len(faults)):
            broken = request
            for make, _ in reversed(faults[number:]):
                broken = make(broken)
            assert faults[number][1] in refusal(broken)[1]


class TestClaimedScope:
    def test_is_read_from_either_form(self):
        for request in (signed(), signed("GET", headers={}, body=b"", presign=60)):
            scope = claimed_scope(request)
            assert (scope.access_key_id, scope.service, scope.region) == (KEY, "sts", "eu-west-1")

    @pytest.mark.parametrize(
        "header", ["", "Basic x", "AWS4-HMAC-SHA256 oops", "AWS4-HMAC-SHA256 Credential=a/b"]
    )
    def test_is_none_where_there_is_none(self, header):
        assert claimed_scope(HttpRequest("POST", "/", "", {"authorization": header}, b"")) is None


class TestSecrets:
    def test_a_printed_signature_shows_no_token(self):
        assert TOKEN not in repr(check(signed(token=TOKEN)))

    def test_no_refusal_tells_the_secret_or_the_token(self):
        request = signed(token=TOKEN)
        for broken in (
            replace(request, body=b"other"),
            with_headers(request, authorization="AWS4-HMAC-SHA256 a=b"),
            with_headers(request, x_amz_date="x"),
        ):
            message = refusal(broken)[1]
            assert SECRET not in message
            assert TOKEN not in message


HEADER_FORM = signed("POST", "http://h/p/q?a=b&c=d", token=TOKEN)
PRESIGNED = signed("POST", "http://h/p/q?a=b&c=d", headers={}, body=b"", presign=60, token=TOKEN)
PARTS = ("method", "path", "query", "body", "content-type", "host", "x-amz-date", "x-amz-security-token")


def changed(request, part, place, new):
    """The request with the byte at `place` of a part replaced."""
    if part in ("method", "path", "query", "body"):
        value = getattr(request, part)
        raw = value if isinstance(value, bytes) else value.encode("latin-1")
    else:
        raw = request.headers[part].encode("latin-1")
    place %= len(raw) or 1
    mutated = raw[:place] + bytes([new]) + raw[place + 1 :]
    if part == "body":
        return replace(request, body=mutated)
    if part in ("method", "path", "query"):
        return replace(request, **{part: mutated.decode("latin-1")})
    return with_headers(request, **{part: mutated.decode("latin-1")})


def meaning(request):
    """What a request says to whoever serves it: two spellings of one meaning may share a signature."""
    path = posixpath.normpath("/" + request.path.strip("/")) + ("/" if request.path.endswith("/") else "")
    headers = {
        name: " ".join(value.replace("\t", " ").split(" ")).strip() for name, value in request.headers.items()
    }
    query = sorted(parse_qsl(request.query, keep_blank_values=True, encoding="latin-1"))
    return request.method, path, query, headers, request.body


@settings(max_examples=600, deadline=None)
@given(
    st.sampled_from([HEADER_FORM, PRESIGNED]),
    st.sampled_from(PARTS),
    st.integers(0, 2000),
    st.integers(0, 255),
)
def test_any_byte_changed_is_refused(request_sent, part, place, new):
    """Method, path, query, signed headers and body: whatever changes what the request says breaks it."""
    assume(part in ("method", "path", "query", "body") or part in request_sent.headers)
    broken = changed(request_sent, part, place, new)
    assume(meaning(broken) != meaning(request_sent))
    assert refusal(broken)[0] in ("mismatch", "incomplete", "skew", "scope", "missing")


@settings(max_examples=200, deadline=None)
@given(st.text("abc/.~% é+&=", max_size=20))
def test_what_is_canonical_stays_canonical_in_path_and_query(text):
    """A canonical query read again is itself; a canonical path begins with one slash and has no dots left."""
    query = canonical_query(text)
    assert query == canonical_query(query)
    path = canonical_path(text)
    assert path.startswith("/")
    assert not set(path.split("/")) & {".", ".."}
    assert "//" not in path


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=8), max_size=5), st.binary(max_size=50)
)
def test_whatever_botocore_signs_is_verified(parameters, body):
    """Any characters in the query, however they had to be encoded, and any body."""
    assume(not any(name.startswith("X-Amz-") for name in parameters))
    check(signed("POST", f"http://h/?{percent_encode_sequence(parameters)}", body=body))
