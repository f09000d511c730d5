# A SAML provider and a role that trusts it. A second apply with `changed = true` takes every change in place.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

provider "aws" {}

variable "metadata" {
  type = string
}

variable "changed_metadata" {
  type = string
}

variable "changed" {
  type    = bool
  default = false
}

resource "aws_iam_saml_provider" "idp" {
  name                   = "idp"
  saml_metadata_document = var.changed ? var.changed_metadata : var.metadata
  tags                   = var.changed ? { team = "b" } : { team = "a", stage = "test" }
}

data "aws_iam_saml_provider" "idp" {
  arn = aws_iam_saml_provider.idp.arn
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRoleWithSAML"]
    principals {
      type        = "Federated"
      identifiers = [aws_iam_saml_provider.idp.arn]
    }
    condition {
      test     = "StringEquals"
      variable = "SAML:aud"
      values   = ["https://signin.aws.amazon.com/saml"]
    }
  }
}

resource "aws_iam_role" "staff" {
  name               = "staff"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

output "read_back" {
  value = data.aws_iam_saml_provider.idp.saml_metadata_document
}
