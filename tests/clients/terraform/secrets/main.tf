# A secret with a value, labels and a policy. A second apply with `changed = true` takes every change in place.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "changed" {
  default = false
}

provider "aws" {}

data "aws_caller_identity" "me" {}

resource "aws_secretsmanager_secret" "db" {
  name                    = "web/db"
  description             = var.changed ? "changed" : "first"
  recovery_window_in_days = 0
  tags                    = { team = var.changed ? "ops" : "web" }
}

resource "aws_secretsmanager_secret_version" "db" {
  secret_id     = aws_secretsmanager_secret.db.id
  secret_string = jsonencode({ password = var.changed ? "second" : "first" })
}

resource "aws_secretsmanager_secret" "kept" {
  name = "web/kept"
}

resource "aws_secretsmanager_secret_policy" "db" {
  secret_arn          = aws_secretsmanager_secret.db.arn
  block_public_policy = true
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = "arn:aws:iam::${data.aws_caller_identity.me.account_id}:root" }
      Action    = var.changed ? ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"] : ["secretsmanager:GetSecretValue"]
      Resource  = "*"
    }]
  })
}

data "aws_secretsmanager_secret_version" "db" {
  secret_id  = aws_secretsmanager_secret.db.id
  depends_on = [aws_secretsmanager_secret_version.db]
}

output "password" {
  value     = jsondecode(data.aws_secretsmanager_secret_version.db.secret_string)["password"]
  sensitive = true
}
