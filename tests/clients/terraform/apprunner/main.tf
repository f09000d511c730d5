# App Runner's configurations and connections. A second apply with `changed = true` takes every change there is: what
# cannot change makes the next revision, and the default moves on to it.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "changed" {
  default = false
}

provider "aws" {}

resource "aws_apprunner_auto_scaling_configuration_version" "web" {
  auto_scaling_configuration_name = "web-scaling"
  max_concurrency                 = var.changed ? 80 : 50
  max_size                        = 10
  min_size                        = 2
  tags                            = { team = var.changed ? "ops" : "web" }

  lifecycle {
    create_before_destroy = true
  }
}

# Of the name that AWS provides a configuration under: its next revision. The provider looks for the default among the
# latest revisions alone, so that this one must go before AWS's own is the default again.
resource "aws_apprunner_auto_scaling_configuration_version" "provided" {
  count                           = var.changed ? 0 : 1
  auto_scaling_configuration_name = "DefaultConfiguration"

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_apprunner_default_auto_scaling_configuration_version" "default" {
  auto_scaling_configuration_arn = (
    var.changed
    ? local.provided
    : aws_apprunner_auto_scaling_configuration_version.provided[0].arn
  )
}

data "aws_caller_identity" "me" {}
data "aws_region" "here" {}

locals {
  provided = join(":", [
    "arn:aws:apprunner", data.aws_region.here.name, data.aws_caller_identity.me.account_id,
    "autoscalingconfiguration/DefaultConfiguration/1/00000000000000000000000000000001",
  ])
}

resource "aws_apprunner_observability_configuration" "tracing" {
  observability_configuration_name = "xray-tracing"
  tags                             = { team = var.changed ? "ops" : "web" }

  trace_configuration {
    vendor = "AWSXRAY"
  }
}

resource "aws_apprunner_observability_configuration" "plain" {
  observability_configuration_name = var.changed ? "plainer" : "plain"
}

resource "aws_apprunner_connection" "source" {
  connection_name = "source"
  provider_type   = var.changed ? "BITBUCKET" : "GITHUB"
  tags            = { team = var.changed ? "ops" : "web" }
}

output "scaling" {
  value = {
    arn      = aws_apprunner_auto_scaling_configuration_version.web.arn
    latest   = aws_apprunner_auto_scaling_configuration_version.web.latest
    revision = aws_apprunner_auto_scaling_configuration_version.web.auto_scaling_configuration_revision
    status   = aws_apprunner_auto_scaling_configuration_version.web.status
  }
}

output "connection" {
  value = aws_apprunner_connection.source.status
}
