# Every data source about identities, each of which reads what main.tf made.

data "aws_caller_identity" "me" {}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "boundary" {
  statement {
    sid         = "Everything"
    not_actions = ["iam:*"]
    resources   = ["*"]

    condition {
      test     = "StringEquals"
      variable = "aws:RequestedRegion"
      values   = ["us-east-1", "eu-west-1"]
    }
  }
}

resource "aws_iam_access_key" "ann" {
  user = aws_iam_user.user["ann"].name
}

data "aws_iam_access_keys" "ann" {
  user       = aws_iam_user.user["ann"].name
  depends_on = [aws_iam_access_key.ann]
}

data "aws_iam_account_alias" "alias" {
  depends_on = [aws_iam_account_alias.alias]
}

data "aws_iam_group" "readers" {
  group_name = aws_iam_group.group["readers"].name
  depends_on = [aws_iam_group_membership.readers]
}

data "aws_iam_instance_profile" "web" {
  name = aws_iam_instance_profile.web.name
}

data "aws_iam_instance_profiles" "of_the_role" {
  role_name  = var.changed ? aws_iam_role.prefixed.name : aws_iam_role.web.name
  depends_on = [aws_iam_instance_profile.web]
}

data "aws_iam_policy" "by_name" {
  name       = aws_iam_policy.boundary.name
  depends_on = [aws_iam_policy.boundary]
}

data "aws_iam_policy" "by_arn" {
  arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"
}

data "aws_iam_principal_policy_simulation" "ann" {
  policy_source_arn = aws_iam_user.user["ann"].arn
  action_names      = ["s3:GetObject"]
  resource_arns     = ["arn:aws:s3:::site/index.html"]

  context {
    key    = "aws:RequestedRegion"
    type   = "string"
    values = ["us-east-1"]
  }

  depends_on = [aws_iam_user_policy.ann]
}

data "aws_iam_role" "web" {
  name = aws_iam_role.web.name
}

data "aws_iam_roles" "of_the_path" {
  path_prefix = "/roles/"
  depends_on  = [aws_iam_role.web]
}

data "aws_iam_roles" "by_name" {
  name_regex = "prefixed-.*"
  depends_on = [aws_iam_role.prefixed]
}

data "aws_iam_session_context" "me" {
  arn = data.aws_caller_identity.me.arn
}

data "aws_iam_session_context" "role" {
  arn        = "arn:aws:sts::${data.aws_caller_identity.me.account_id}:assumed-role/web/session"
  depends_on = [aws_iam_role.web]
}

data "aws_iam_user" "ann" {
  user_name = aws_iam_user.user["ann"].name
}

data "aws_iam_users" "all" {
  name_regex = "ann|bob"
  depends_on = [aws_iam_user.user]
}

output "seen" {
  value = {
    keys        = length(data.aws_iam_access_keys.ann.access_keys)
    alias       = data.aws_iam_account_alias.alias.account_alias
    readers     = sort([for each in data.aws_iam_group.readers.users : each.user_name])
    profile     = data.aws_iam_instance_profile.web.role_name == data.aws_iam_role.web.name
    profiles    = data.aws_iam_instance_profiles.of_the_role.names
    description = data.aws_iam_policy.by_name.description
    read_only   = length(data.aws_iam_policy.by_arn.policy) > 1000
    allowed     = data.aws_iam_principal_policy_simulation.ann.all_allowed
    longest     = data.aws_iam_role.web.max_session_duration
    path        = data.aws_iam_roles.of_the_path.names
    prefixed    = length(data.aws_iam_roles.by_name.names)
    me          = data.aws_iam_session_context.me.issuer_arn == data.aws_caller_identity.me.arn
    issuer      = data.aws_iam_session_context.role.issuer_name
    ann         = data.aws_iam_user.ann.path
    users       = sort(data.aws_iam_users.all.names)
  }
}
