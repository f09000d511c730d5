"""Claims about access, as people write them: `nobody but PRINCIPAL can ACTION on RESOURCE` and the like."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from understudy_aws.policy.access.domains import ABSENT, Domain
from understudy_aws.policy.access.questions import NotAQuestion
from understudy_aws.policy.language.context_keys import is_list_key

FORMS = (
    "nobody can ACTION on RESOURCE",
    "nobody but PRINCIPAL[, PRINCIPAL ...] can ACTION on RESOURCE",
    "PRINCIPAL[, PRINCIPAL ...] cannot ACTION on RESOURCE",
)
_ASSUME = "sts:AssumeRole*"
_MFA = "aws:multifactorauthpresent"
_WORDS = re.compile(r"[^\s,]+|,")
_ACTION = re.compile(r"[A-Za-z0-9*?-]+:[A-Za-z0-9*?]+\Z")
_ENDS = frozenset({"when", "without", "with"})


class NotAClaim(NotAQuestion):
    """A text that cannot be read as a claim; the message says what was expected."""


class Claim(msgspec.Struct, frozen=True):
    """That nobody can do something, or nobody but some, or not some.

    `principals` are those that are excepted, or with `of_them` those that the claim is about. Names and patterns are as
    they were written. `carried` are condition keys that the requests have, and `limits` what they have under others.
    """

    principals: tuple[str, ...]
    of_them: bool
    action: str
    resource: str
    carried: Mapping[str, str | list[str]] = msgspec.field(default_factory=dict)
    limits: Mapping[str, Domain] = msgspec.field(default_factory=dict)

    def __str__(self) -> str:
        names = ", ".join(self.principals)
        who = f"{names} cannot" if self.of_them else f"nobody but {names} can" if names else "nobody can"
        return f"{who} {self.action} on {self.resource}{self._circumstances()}"

    def _circumstances(self) -> str:
        said = [f"when {key}={value}" for key, value in self.carried.items()]
        for key, domain in self.limits.items():
            said.append("without MFA" if key == _MFA and domain.values else f"without {key}")
        return "".join(f" {each}" for each in said)


def parse_claim(text: str) -> Claim:
    """Return the claim that a text makes. Raises NotAClaim."""
    return _Reader(text).claim()


class _Reader:
    def __init__(self, text: str) -> None:
        self._words: list[str] = _WORDS.findall(text)
        self._at = 0

    def claim(self) -> Claim:
        of_them = self._next().lower() not in {"nobody", "no-one", "noone"}
        names: tuple[str, ...] = ()
        if of_them:
            self._at = 0
            names = self._names()
            self._expect("cannot", "can't")
        else:
            if self._peek() in {"but", "except"}:
                self._next()
                names = self._names()
            self._expect("can")
        action = self._action()
        if self._peek() in {"on", "to"}:
            self._next()
        resource = self._next("the resource, an ARN or *")
        if self._peek() == ",":
            raise NotAClaim("A claim is about one resource; write * in its ARN for several.")
        carried, limits = self._circumstances()
        return Claim(names, of_them, action, resource, carried, limits)

    def _names(self) -> tuple[str, ...]:
        names = [self._next("a principal")]
        while self._peek() in {",", "and", "or"}:
            while self._peek() in {",", "and", "or"}:
                self._next()
            names.append(self._next("a principal"))
        return tuple(names)

    def _action(self) -> str:
        word = self._next("an action, such as ec2:CreateVpc")
        if word.lower() == "assume":
            return _ASSUME
        if word == "*":
            return "*"
        if not _ACTION.match(word):
            raise NotAClaim(
                f"An action is written service:Name, such as ec2:CreateVpc or s3:Get*, not {word!r}. For "
                "assuming a role, `assume ROLE` will do."
            )
        return word

    def _circumstances(self) -> tuple[dict[str, str | list[str]], dict[str, Domain]]:
        carried: dict[str, str | list[str]] = {}
        limits: dict[str, Domain] = {}
        while self._at < len(self._words):
            word = self._next()
            if word == "when":
                key, equals, value = self._next("KEY=VALUE").partition("=")
                if not (key and equals):
                    raise NotAClaim("After `when` there is KEY=VALUE, such as aws:SecureTransport=false.")
                carried[key.lower()] = [value] if is_list_key(key.lower()) else value
            elif word in {"with", "without"}:
                key = self._next("a condition key, or MFA")
                if key.upper() == "MFA":
                    if word == "with":
                        carried[_MFA] = "true"
                    else:
                        limits[_MFA] = Domain(values=("false",))
                elif word == "without" and ":" in key:
                    limits[key.lower()] = ABSENT
                else:
                    raise NotAClaim(f"`{word}` takes MFA, and `without` a condition key, not {key!r}.")
            else:
                raise NotAClaim(
                    "After the resource there is `when KEY=VALUE`, `without KEY`, `with MFA` or `without MFA`, "
                    f"not {word!r}."
                )
        return carried, limits

    def _peek(self) -> str:
        return self._words[self._at].lower() if self._at < len(self._words) else ""

    def _next(self, wanted: str = "") -> str:
        if self._at >= len(self._words) or (wanted and self._peek() in _ENDS):
            missing = f": {wanted} is missing" if wanted else ""
            raise NotAClaim(f"That is no claim{missing}. A claim is one of: {'; '.join(FORMS)}.")
        self._at += 1
        return self._words[self._at - 1]

    def _expect(self, *words: str) -> None:
        found = self._peek()
        if found not in words:
            where = f"not {self._words[self._at]!r}" if found else "and the text ends"
            raise NotAClaim(
                f"Here {words[0]!r} was expected, {where}. A claim is one of: {'; '.join(FORMS)}."
            )
        self._at += 1
