# VPC peering within an account, between two Regions and between two accounts, with its options and routes, and flow
# logs. A second apply with `changed = true` takes every change there is.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "changed" {
  default = false
}

variable "other_role" {
  description = "A role of another account that the caller may assume."
}

provider "aws" {}

provider "aws" {
  alias  = "far"
  region = "eu-west-1"
}

provider "aws" {
  alias = "other"

  assume_role {
    role_arn = var.other_role
  }
}

data "aws_caller_identity" "other" {
  provider = aws.other
}

resource "aws_vpc" "this" {
  cidr_block           = "10.0.0.0/16"
  enable_dns_hostnames = true
}

resource "aws_vpc" "near" {
  cidr_block           = "10.1.0.0/16"
  enable_dns_hostnames = true
}

resource "aws_vpc" "far" {
  provider             = aws.far
  cidr_block           = "10.2.0.0/16"
  enable_dns_hostnames = true
}

resource "aws_vpc" "other" {
  provider             = aws.other
  cidr_block           = "10.3.0.0/16"
  enable_dns_hostnames = true
}

# Within the account

resource "aws_vpc_peering_connection" "near" {
  vpc_id      = aws_vpc.this.id
  peer_vpc_id = aws_vpc.near.id
  auto_accept = true
  tags        = { Name = var.changed ? "changed" : "made" }

  requester {
    allow_remote_vpc_dns_resolution = var.changed
  }

  accepter {
    allow_remote_vpc_dns_resolution = true
  }
}

resource "aws_route" "near" {
  route_table_id            = aws_vpc.this.main_route_table_id
  destination_cidr_block    = aws_vpc.near.cidr_block
  vpc_peering_connection_id = aws_vpc_peering_connection.near.id
}

# Between Regions

resource "aws_vpc_peering_connection" "far" {
  vpc_id      = aws_vpc.this.id
  peer_vpc_id = aws_vpc.far.id
  peer_region = "eu-west-1"
  tags        = { Side = "requester" }
}

resource "aws_vpc_peering_connection_accepter" "far" {
  provider                  = aws.far
  vpc_peering_connection_id = aws_vpc_peering_connection.far.id
  auto_accept               = true
  tags                      = { Side = var.changed ? "changed" : "accepter" }
}

resource "aws_vpc_peering_connection_options" "far_requester" {
  vpc_peering_connection_id = aws_vpc_peering_connection_accepter.far.id

  requester {
    allow_remote_vpc_dns_resolution = !var.changed
  }
}

# Between accounts

resource "aws_vpc_peering_connection" "other" {
  vpc_id        = aws_vpc.this.id
  peer_vpc_id   = aws_vpc.other.id
  peer_owner_id = data.aws_caller_identity.other.account_id
  tags          = { Side = "requester" }
}

resource "aws_vpc_peering_connection_accepter" "other" {
  provider                  = aws.other
  vpc_peering_connection_id = aws_vpc_peering_connection.other.id
  auto_accept               = true
  tags                      = { Side = "accepter" }
}

resource "aws_vpc_peering_connection_options" "other_accepter" {
  provider                  = aws.other
  vpc_peering_connection_id = aws_vpc_peering_connection_accepter.other.id

  accepter {
    allow_remote_vpc_dns_resolution = var.changed
  }
}

data "aws_vpc_peering_connection" "other" {
  id         = aws_vpc_peering_connection.other.id
  depends_on = [aws_vpc_peering_connection_accepter.other]
}

data "aws_vpc_peering_connections" "all" {
  filter {
    name   = "requester-vpc-info.vpc-id"
    values = [aws_vpc.this.id]
  }

  depends_on = [aws_vpc_peering_connection_accepter.other, aws_vpc_peering_connection_accepter.far]
}

# Flow logs

resource "aws_iam_role" "deliver" {
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "vpc-flow-logs.amazonaws.com" }
    }]
  })
}

resource "aws_flow_log" "bucket" {
  vpc_id                   = aws_vpc.this.id
  traffic_type             = "ALL"
  log_destination_type     = "s3"
  log_destination          = "arn:aws:s3:::bucket/folder/"
  max_aggregation_interval = 60
  log_format               = "$${version} $${vpc-id} $${srcaddr} $${dstaddr} $${action}"
  tags                     = { Name = var.changed ? "changed" : "made" }

  destination_options {
    file_format        = "parquet"
    per_hour_partition = true
  }
}

resource "aws_flow_log" "group" {
  vpc_id          = aws_vpc.near.id
  traffic_type    = var.changed ? "ACCEPT" : "REJECT"
  log_destination = "arn:aws:logs:us-east-1:000000000000:log-group:/vpc/flow"
  iam_role_arn    = aws_iam_role.deliver.arn
}

output "status" {
  value = data.aws_vpc_peering_connection.other.status
}

output "connections" {
  value = length(data.aws_vpc_peering_connections.all.ids)
}
