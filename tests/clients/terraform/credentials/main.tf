# What users sign in with, and the account's certificates. A second apply with `changed = true` takes every change in place.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "changed" {
  default = false
}

variable "ssh_key" {}
variable "ssh_key_pem" {}
variable "signing_certificate" {}
variable "certificate" {}
variable "private_key" {}
variable "chain" {}

provider "aws" {}

resource "aws_iam_user" "ann" {
  name          = var.changed ? "anna" : "ann"
  path          = "/people/"
  force_destroy = true
}

resource "aws_iam_user" "ci" {
  name = "ci"
}

resource "aws_iam_account_password_policy" "strict" {
  minimum_password_length        = var.changed ? 16 : 12
  require_lowercase_characters   = true
  require_numbers                = true
  require_uppercase_characters   = true
  require_symbols                = !var.changed
  allow_users_to_change_password = true
  max_password_age               = 90
  password_reuse_prevention      = 5
  hard_expiry                    = var.changed
}

resource "aws_iam_user_login_profile" "ci" {
  user                    = aws_iam_user.ci.name
  password_reset_required = true
  depends_on              = [aws_iam_account_password_policy.strict]
}

resource "aws_iam_access_key" "ci" {
  user   = aws_iam_user.ci.name
  status = var.changed ? "Inactive" : "Active"
}

resource "aws_iam_virtual_mfa_device" "phone" {
  virtual_mfa_device_name = "phone"
  path                    = "/devices/"
  tags                    = { of = var.changed ? "anna" : "ann" }
}

resource "aws_iam_user_ssh_key" "ssh" {
  username   = aws_iam_user.ci.name
  encoding   = "SSH"
  public_key = var.ssh_key
  status     = var.changed ? "Inactive" : "Active"
}

resource "aws_iam_user_ssh_key" "pem" {
  username   = aws_iam_user.ci.name
  encoding   = "PEM"
  public_key = var.ssh_key_pem
}

resource "aws_iam_signing_certificate" "ci" {
  user_name        = aws_iam_user.ci.name
  certificate_body = var.signing_certificate
  status           = var.changed ? "Inactive" : "Active"
}

resource "aws_iam_server_certificate" "web" {
  name              = "web"
  path              = var.changed ? "/cloudfront/site/" : "/cloudfront/"
  certificate_body  = var.certificate
  certificate_chain = var.chain
  private_key       = var.private_key
  tags              = { team = var.changed ? "ops" : "web" }
}

resource "aws_iam_service_specific_credential" "git" {
  service_name = "codecommit.amazonaws.com"
  user_name    = aws_iam_user.ci.name
  status       = var.changed ? "Inactive" : "Active"
}

resource "aws_iam_security_token_service_preferences" "v2" {
  global_endpoint_token_version = var.changed ? "v1Token" : "v2Token"
}

data "aws_iam_server_certificate" "web" {
  name       = aws_iam_server_certificate.web.name
  depends_on = [aws_iam_server_certificate.web]
}

data "aws_iam_user_ssh_key" "ssh" {
  username          = aws_iam_user.ci.name
  ssh_public_key_id = aws_iam_user_ssh_key.ssh.ssh_public_key_id
  encoding          = "SSH"
}

output "certificate_path" {
  value = data.aws_iam_server_certificate.web.path
}

output "key_status" {
  value = data.aws_iam_user_ssh_key.ssh.status
}

output "password" {
  value     = aws_iam_user_login_profile.ci.password
  sensitive = true
}

output "seed" {
  value     = aws_iam_virtual_mfa_device.phone.base_32_string_seed
  sensitive = true
}

output "serial" {
  value = aws_iam_virtual_mfa_device.phone.arn
}

output "git_user" {
  value = aws_iam_service_specific_credential.git.service_user_name
}
