terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

provider "aws" {
  region = "us-east-1"
}

variable "changed" {
  type    = bool
  default = false
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/team/app"
  retention_in_days = var.changed ? 30 : 7
  tags              = { team = var.changed ? "b" : "a" }
}

resource "aws_cloudwatch_log_group" "prefixed" {
  name_prefix = "/team/more-"
  skip_destroy = false
}

resource "aws_cloudwatch_log_stream" "this" {
  name           = "one"
  log_group_name = aws_cloudwatch_log_group.this.name
}

data "aws_cloudwatch_log_groups" "all" {
  log_group_name_prefix = "/team/"
  depends_on            = [aws_cloudwatch_log_group.this, aws_cloudwatch_log_group.prefixed]
}

output "groups" {
  value = length(data.aws_cloudwatch_log_groups.all.log_group_names)
}
