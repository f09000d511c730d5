"""Parameter Store's errors (parameters.md 23.5). Their HTTP status is 400."""

from __future__ import annotations

from understudy_aws.core.errors import ApiError

_NAME_RULES = (
    "If formed as a path, it can consist of sub-paths divided by slash symbol; each sub-path can be formed "
    "as a mix of letters, numbers and the following 3 symbols .-_"
)
_TIERS = (
    "https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html"
)


def invalid(message: str) -> ApiError:
    return ApiError("ValidationException", message)


def no_such_parameter() -> ApiError:
    """Return the error for a parameter that is not there, which AWS sends without a text."""
    return ApiError("ParameterNotFound", "")


def no_such_version(selector: str, name: str) -> ApiError:
    return ApiError(
        "ParameterVersionNotFound",
        f"Systems Manager could not find version {selector} of {name}. Verify the version and try again.",
    )


def exists_already() -> ApiError:
    return ApiError(
        "ParameterAlreadyExists",
        "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.",
    )


def reserved_name(name: str) -> ApiError:
    return ApiError("AccessDeniedException", f"No access to reserved parameter name: {name}.")


def public_parameter(name: str) -> ApiError:
    """Return the error for a parameter of AWS's own: there are none here."""
    return ApiError(
        "NotImplemented", f"Understudy has none of AWS's public parameters, so there is no {name}.", 501
    )


def not_qualified() -> ApiError:
    return invalid("Parameter name must be a fully qualified name")


def wrong_name() -> ApiError:
    return invalid(f'Parameter name: can\'t be prefixed with "ssm" (case-insensitive). {_NAME_RULES}')


def wrong_prefix() -> ApiError:
    return invalid('Parameter name: can\'t be prefixed with "aws" or "ssm" (case-insensitive).')


def wrong_path() -> ApiError:
    return invalid(
        "The parameter doesn't meet the parameter name requirements. The parameter name must begin with a "
        'forward slash "/". It can\'t be prefixed with "aws" or "ssm" (case-insensitive). It must use only '
        "letters, numbers, or the following symbols: . (period), - (hyphen), _ (underscore). Special "
        'characters are not allowed. All sub-paths, if specified, must use the forward slash symbol "/". '
        "Valid example: /get/parameters2-/by1./path0_."
    )


def too_deep(levels: int) -> ApiError:
    return ApiError(
        "HierarchyLevelLimitExceededException", f"A hierarchy can have a maximum of {levels} levels."
    )


def no_type() -> ApiError:
    return invalid("A parameter type is required when you create a parameter.")


def no_value() -> ApiError:
    return invalid(
        "1 validation error detected: Value '' at 'value' failed to satisfy constraint: Member must have "
        "length greater than or equal to 1."
    )


def tags_and_overwrite() -> ApiError:
    return invalid(
        "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please "
        "remove overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or "
        "RemoveTagsFromResource."
    )


def too_long_for_standard(most: int) -> ApiError:
    return invalid(
        f"Standard tier parameters support a maximum parameter value of {most} characters. To create a larger "
        "parameter value, upgrade the parameter to use the advanced-parameter tier. For more information, "
        f"see {_TIERS}"
    )


def too_long(most: int) -> ApiError:
    return invalid(f"Advanced tier parameters support a maximum parameter value of {most} characters.")


def no_downgrade() -> ApiError:
    return invalid(
        "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the "
        "advanced-parameter tier to the standard-parameter tier. If necessary, you can delete the advanced "
        "parameter and recreate it as a standard parameter."
    )


def unknown_data_type(data_type: str) -> ApiError:
    return invalid(
        f"The following data type is not supported: {data_type} (Data type names are all lowercase.)"
    )


def no_key(key: str) -> ApiError:
    """Return the error for a key of KMS of the customer's: there are none here."""
    return ApiError("NotImplemented", f"Understudy does not serve KMS, so there is no key {key}.", 501)


def key_without_secret() -> ApiError:
    return invalid("KeyId is required for SecureString type parameter only.")


def malformed_pattern(why: str) -> ApiError:
    return ApiError("InvalidAllowedPatternException", f"The request isn't valid: AllowedPattern {why}.")


def unserved_pattern(what: str) -> ApiError:
    return ApiError("NotImplemented", f"Understudy does not serve an AllowedPattern with {what}.", 501)


def pattern_mismatch(pattern: str) -> ApiError:
    return ApiError(
        "ParameterPatternMismatchException",
        f"Parameter value, cannot be validated based on allowedPattern : {pattern}",
    )


def oldest_has_a_label(name: str, oldest: int) -> ApiError:
    return ApiError(
        "ParameterMaxVersionLimitExceeded",
        f"You attempted to create a new version of {name} by calling the PutParameter API with the overwrite "
        f"flag. Version {oldest}, the oldest version, can't be deleted because it has a label associated with "
        "it. Move the label to another version of the parameter, and try again.",
    )


def too_many_parameters(most: int, tier: str) -> ApiError:
    return ApiError(
        "ParameterLimitExceeded",
        f"You can have at most {most} parameters of the {tier} tier in a Region.",
    )


def too_many_labels() -> ApiError:
    return ApiError(
        "ParameterVersionLabelLimitExceeded",
        "A parameter version can have maximum 10 labels.Move one or more labels to another version and try again.",
    )


def filter_key(message: str) -> ApiError:
    return ApiError("InvalidFilterKey", message)


def filter_option(message: str) -> ApiError:
    return ApiError("InvalidFilterOption", message)


def filter_value(message: str) -> ApiError:
    return ApiError("InvalidFilterValue", message)


def bad_token() -> ApiError:
    return ApiError("InvalidNextToken", "The specified token isn't valid.")


def no_such_resource() -> ApiError:
    return ApiError(
        "InvalidResourceId", "The resource ID isn't valid. Verify that you entered the correct ID."
    )


def too_many_tags(most: int) -> ApiError:
    return ApiError("TooManyTagsError", f"A parameter can have at most {most} tags.")


def wrong_tag(message: str) -> ApiError:
    return invalid(message)


def policy_refused(message: str) -> ApiError:
    return ApiError("ResourcePolicyInvalidParameterException", message)


def no_such_policy_resource() -> ApiError:
    return ApiError("ResourceNotFoundException", "The specified parameter could not be found.")


def no_such_policy(id: str) -> ApiError:
    return ApiError("ResourcePolicyNotFoundException", f"There is no policy {id} of this resource.")


def another_policy_hash() -> ApiError:
    return ApiError(
        "ResourcePolicyConflictException",
        "The hash provided in the call doesn't match the stored hash. Get the policy's current hash, and try again.",
    )


def too_many_policies() -> ApiError:
    return ApiError(
        "ResourcePolicyLimitExceededException",
        "The resource has a policy. Give its id and hash to change it.",
    )


def malformed_policy(message: str) -> ApiError:
    return ApiError("MalformedResourcePolicyDocumentException", message)
