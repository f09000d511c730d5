# An organization with every resource that the provider has for one, and centralized root access of IAM. A second apply
# with `changed = true` takes every change in place.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "changed" {
  default = false
}

provider "aws" {}

resource "aws_organizations_organization" "it" {
  feature_set                   = "ALL"
  aws_service_access_principals = var.changed ? ["iam.amazonaws.com", "ram.amazonaws.com", "sso.amazonaws.com"] : ["iam.amazonaws.com", "sso.amazonaws.com"]
  enabled_policy_types          = ["BACKUP_POLICY", "RESOURCE_CONTROL_POLICY", "SERVICE_CONTROL_POLICY", "TAG_POLICY"]
}

resource "aws_organizations_organizational_unit" "prod" {
  name      = var.changed ? "Production" : "Prod"
  parent_id = aws_organizations_organization.it.roots[0].id
  tags      = { team = var.changed ? "ops" : "web" }
}

resource "aws_organizations_account" "dev" {
  name              = "dev"
  email             = "dev@example.com"
  parent_id         = aws_organizations_organizational_unit.prod.id
  close_on_deletion = true
  tags              = { team = var.changed ? "ops" : "web" }
}

resource "aws_organizations_policy" "no_s3" {
  name        = "no-s3"
  description = var.changed ? "changed" : "first"
  content = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Deny", Action = var.changed ? "s3:*" : "s3:Delete*", Resource = "*" }]
  })
  depends_on = [aws_organizations_organization.it]
}

resource "aws_organizations_policy" "tags" {
  name = "tags"
  type = "TAG_POLICY"
  content = jsonencode({
    tags = { team = { tag_key = { "@@assign" = "team" }, tag_value = { "@@assign" = ["web", var.changed ? "ops" : "dev"] } } }
  })
  depends_on = [aws_organizations_organization.it]
}

resource "aws_organizations_policy_attachment" "no_s3" {
  policy_id = aws_organizations_policy.no_s3.id
  target_id = aws_organizations_organizational_unit.prod.id
}

resource "aws_organizations_policy_attachment" "tags" {
  policy_id = aws_organizations_policy.tags.id
  target_id = aws_organizations_account.dev.id
}

resource "aws_organizations_delegated_administrator" "sso" {
  account_id        = aws_organizations_account.dev.id
  service_principal = "sso.amazonaws.com"
  depends_on        = [aws_organizations_organization.it]
}

resource "aws_organizations_resource_policy" "it" {
  content = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = "arn:aws:iam::${aws_organizations_account.dev.id}:root" }
      Action    = var.changed ? ["organizations:DescribePolicy", "organizations:ListPolicies"] : ["organizations:ListPolicies"]
      Resource  = "*"
    }]
  })
  depends_on = [aws_organizations_organization.it]
}

resource "aws_iam_organizations_features" "it" {
  enabled_features = var.changed ? ["RootCredentialsManagement"] : ["RootCredentialsManagement", "RootSessions"]
  depends_on       = [aws_organizations_organization.it]
}

data "aws_organizations_organization" "it" {
  depends_on = [aws_organizations_account.dev]
}

data "aws_organizations_delegated_administrators" "it" {
  depends_on = [aws_organizations_delegated_administrator.sso]
}

output "accounts" {
  value = sort(data.aws_organizations_organization.it.accounts[*].name)
}

output "administrators" {
  value = data.aws_organizations_delegated_administrators.it.delegated_administrators[*].name
}

output "dev" {
  value = aws_organizations_account.dev.id
}
