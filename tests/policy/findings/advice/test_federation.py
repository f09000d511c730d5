"""Trust policies for identity providers."""

import pytest

GITHUB = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"
OTHER = "arn:aws:iam::111122223333:oidc-provider/issuer.example.com/id"
AUD = '"token.actions.githubusercontent.com:aud"'
SUB = '"token.actions.githubusercontent.com:sub"'
MAIN = '"repo:owner/repository:ref:refs/heads/main"'


def trusting(provider: str, conditions: str = "", effect: str = "Allow") -> str:
    condition = f', "Condition": {conditions}' if conditions else ""
    return (
        f'{{"Effect": "{effect}", "Principal": {{"Federated": {provider}}}, '
        f'"Action": "sts:AssumeRoleWithWebIdentity"{condition}}}'
    )


@pytest.mark.parametrize(
    "statement",
    [
        trusting(f'«"{OTHER}"»'),
        trusting('«"accounts.google.com"»'),
        trusting(f'«"{OTHER}"»', '{"Bool": {"aws:SecureTransport": "true"}}'),
        trusting(f'"{OTHER}"', '{"StringEquals": {"issuer.example.com/id:aud": "app"}}'),
        trusting('"cognito-identity.amazonaws.com"', '{"StringEquals": {"cognito-identity.amazonaws.com:aud": "p"}}'),
        trusting('"arn:aws:iam::111122223333:saml-provider/adfs"'),
        trusting(f'"{OTHER}"', effect="Deny"),
        trusting(f'"{GITHUB}"'),
    ],
)  # fmt: skip
def test_a_provider_trusted_with_every_token_is_pointed_at(policies, statement):
    expected, actual = policies.trust("MISSING_CONDITION_KEY_FOR_OIDC_PRINCIPAL", statement)
    assert expected == actual


@pytest.mark.parametrize(
    "statement",
    [
        trusting(f'«"{GITHUB}"»'),
        trusting(f'«"{GITHUB}"»', f'{{"StringEquals": {{{AUD}: "sts.amazonaws.com"}}}}'),
        trusting(f'«"{GITHUB}"»', f'{{"StringNotEquals": {{{SUB}: {MAIN}}}}}'),
        trusting(f'"{GITHUB}"', f'{{"StringEquals": {{{SUB}: {MAIN}}}}}'),
        trusting(f'"{GITHUB}"', f'{{"StringLike": {{{SUB}: "repo:owner/*"}}}}'),
        trusting(f'"{OTHER}"'),
    ],
)
def test_github_trusted_with_every_repository_is_pointed_at(policies, statement):
    expected, actual = policies.trust("MISSING_GITHUB_REPO_CONDITION_KEY", statement)
    assert expected == actual


@pytest.mark.parametrize(
    "subject",
    [
        '«"repo:owner/*"»',
        '«"repo:owner/repository:*"»',
        f'[{MAIN}, «"repo:owner/repository:ref:refs/heads/*"»]',
        # Observed: a subject that names an environment is warned of, one that names a branch is not.
        '«"repo:owner/repository:environment:production"»',
        MAIN,
        '"repo:owner@1234/repository@5678:ref:refs/heads/release/1.0"',
    ],
)
def test_a_subject_that_leaves_repository_or_branch_open_is_pointed_at(policies, subject):
    statement = trusting(f'"{GITHUB}"', f'{{"StringLike": {{{SUB}: {subject}}}}}')
    expected, actual = policies.trust("SPECIFIC_GITHUB_REPO_AND_BRANCH_RECOMMENDED", statement)
    assert expected == actual


@pytest.mark.parametrize(
    ("subject", "repository"),
    [
        ("repo:owner/repository:*", "owner/repository"),
        ("repo:owner/*", "OWNER/REPOSITORY"),
        ("*", "OWNER/REPOSITORY"),
    ],
)
def test_the_repository_is_kept_in_what_to_write_instead(policies, subject, repository):
    statement = trusting(f'"{GITHUB}"', f'{{"StringLike": {{{SUB}: "{subject}"}}}}')
    finding = policies.only(
        "SPECIFIC_GITHUB_REPO_AND_BRANCH_RECOMMENDED",
        f'{{"Version": "2012-10-17", "Statement": {statement}}}',
        "RESOURCE_POLICY",
    )
    assert finding.instead.startswith(f'Write "repo:{repository}:ref:refs/heads/main"')


@pytest.mark.parametrize(
    "statement",
    [
        # Observed: every condition on the audience is suggested to be looked at.
        trusting(
            f'"{GITHUB}"', f'{{"StringEquals": {{«{AUD}»: "sts.amazonaws.com", {SUB}: {MAIN}}}}}'
        ),
        trusting(f'"{OTHER}"', '{"ForAnyValue:StringEquals": {«"issuer.example.com/id:aud"»: "app"}}'),
        trusting(f'"{OTHER}"', '{"StringEquals": {"issuer.example.com/id:sub": "app"}}'),
        trusting(f'"{OTHER}"', f'{{"StringEquals": {{{AUD}: "app"}}}}'),
    ],
)  # fmt: skip
def test_a_condition_on_the_audience_is_pointed_at(policies, statement):
    expected, actual = policies.trust("CONFIRM_AUDIENCE_CLAIM_TYPE", statement)
    assert expected == actual
