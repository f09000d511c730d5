# Users, groups, roles, policies and instance profiles, with all that joins them. A second apply with `changed = true` takes every
# change that needs no replacement.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "changed" {
  default = false
}

provider "aws" {
  default_tags {
    tags = { made_by = "terraform" }
  }
}

locals {
  read = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = var.changed ? "s3:Get*" : "s3:GetObject", Resource = "*" }]
  })
}

resource "aws_iam_account_alias" "alias" {
  account_alias = var.changed ? "example-corp" : "example"
}

resource "aws_iam_user" "user" {
  for_each             = toset(["ann", "bob"])
  name                 = each.key
  path                 = var.changed ? "/people/" : "/"
  permissions_boundary = var.changed ? aws_iam_policy.boundary.arn : null
  tags                 = { Name = each.key, team = var.changed ? "ops" : "web" }
}

resource "aws_iam_group" "group" {
  for_each = toset(["readers", "writers"])
  name     = each.key
  path     = var.changed ? "/groups/" : "/"
}

resource "aws_iam_group_membership" "readers" {
  name  = "readers"
  group = aws_iam_group.group["readers"].name
  users = var.changed ? ["ann", "bob"] : ["ann"]

  depends_on = [aws_iam_user.user]
}

resource "aws_iam_user_group_membership" "bob" {
  user   = aws_iam_user.user["bob"].name
  groups = ["writers"]

  depends_on = [aws_iam_group.group]
}

resource "aws_iam_policy" "boundary" {
  name        = "boundary"
  path        = "/limits/"
  description = "The most that anybody can do"
  policy      = data.aws_iam_policy_document.boundary.json
  tags        = { team = var.changed ? "ops" : "web" }
}

resource "aws_iam_policy" "read" {
  name_prefix = "read-"
  policy      = local.read
}

resource "aws_iam_group_policy" "readers" {
  name   = "read"
  group  = aws_iam_group.group["readers"].name
  policy = local.read
}

resource "aws_iam_group_policies_exclusive" "readers" {
  group_name   = aws_iam_group.group["readers"].name
  policy_names = [aws_iam_group_policy.readers.name]
}

resource "aws_iam_group_policy_attachment" "readers" {
  group      = aws_iam_group.group["readers"].name
  policy_arn = aws_iam_policy.read.arn
}

resource "aws_iam_group_policy_attachments_exclusive" "readers" {
  group_name  = aws_iam_group.group["readers"].name
  policy_arns = [aws_iam_group_policy_attachment.readers.policy_arn]
}

resource "aws_iam_user_policy" "ann" {
  name   = "read"
  user   = aws_iam_user.user["ann"].name
  policy = local.read
}

resource "aws_iam_user_policies_exclusive" "ann" {
  user_name    = aws_iam_user.user["ann"].name
  policy_names = [aws_iam_user_policy.ann.name]
}

resource "aws_iam_user_policy_attachment" "ann" {
  user       = aws_iam_user.user["ann"].name
  policy_arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"
}

resource "aws_iam_user_policy_attachments_exclusive" "ann" {
  user_name   = aws_iam_user.user["ann"].name
  policy_arns = [aws_iam_user_policy_attachment.ann.policy_arn]
}

resource "aws_iam_role" "web" {
  name                 = "web"
  path                 = "/roles/"
  description          = var.changed ? "Serves the site" : "Serves"
  max_session_duration = var.changed ? 7200 : 3600
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  permissions_boundary = var.changed ? null : aws_iam_policy.boundary.arn
  tags                 = { team = var.changed ? "ops" : "web" }
}

resource "aws_iam_role" "prefixed" {
  name_prefix        = "prefixed-"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy" "web" {
  name   = "read"
  role   = aws_iam_role.web.id
  policy = local.read
}

resource "aws_iam_role_policies_exclusive" "web" {
  role_name    = aws_iam_role.web.name
  policy_names = [aws_iam_role_policy.web.name]
}

resource "aws_iam_role_policy_attachment" "web" {
  role       = aws_iam_role.web.name
  policy_arn = aws_iam_policy.read.arn
}

resource "aws_iam_role_policy_attachments_exclusive" "web" {
  role_name   = aws_iam_role.web.name
  policy_arns = [aws_iam_role_policy_attachment.web.policy_arn]
}

resource "aws_iam_policy" "shared" {
  name   = "shared"
  policy = local.read
}

resource "aws_iam_policy_attachment" "shared" {
  name       = "shared"
  users      = [aws_iam_user.user["bob"].name]
  groups     = var.changed ? [] : [aws_iam_group.group["writers"].name]
  roles      = [aws_iam_role.prefixed.name]
  policy_arn = aws_iam_policy.shared.arn
}

resource "aws_iam_instance_profile" "web" {
  name = "web"
  path = "/profiles/"
  role = var.changed ? aws_iam_role.prefixed.name : aws_iam_role.web.name
  tags = { team = var.changed ? "ops" : "web" }
}

resource "aws_iam_service_linked_role" "scaling" {
  aws_service_name = "autoscaling.amazonaws.com"
  custom_suffix    = "web"
  description      = var.changed ? "Scales the site" : "Scales"
  tags             = { team = var.changed ? "ops" : "web" }
}
