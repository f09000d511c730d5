# Interface and gateway endpoints to AWS's services, whole and made of associations. A second apply with `changed = true`
# takes every change there is.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "changed" {
  default = false
}

provider "aws" {}

data "aws_vpc_endpoint_service" "requests" {
  service = "apprunner.requests"
}

data "aws_vpc_endpoint_service" "s3" {
  service      = "s3"
  service_type = "Gateway"
}

resource "aws_vpc" "main" {
  cidr_block           = "10.0.0.0/16"
  enable_dns_hostnames = true
}

resource "aws_subnet" "main" {
  count             = 3
  vpc_id            = aws_vpc.main.id
  cidr_block        = "10.0.${count.index}.0/24"
  availability_zone = ["us-east-1a", "us-east-1b", "us-east-1d"][count.index]
}

resource "aws_security_group" "main" {
  count  = 2
  name   = "endpoints-${count.index}"
  vpc_id = aws_vpc.main.id
}

resource "aws_route_table" "main" {
  count  = 2
  vpc_id = aws_vpc.main.id
}

resource "aws_vpc_endpoint" "requests" {
  vpc_id              = aws_vpc.main.id
  service_name        = data.aws_vpc_endpoint_service.requests.service_name
  vpc_endpoint_type   = "Interface"
  subnet_ids          = var.changed ? slice(aws_subnet.main[*].id, 1, 3) : slice(aws_subnet.main[*].id, 0, 2)
  security_group_ids  = [aws_security_group.main[var.changed ? 1 : 0].id]
  private_dns_enabled = !var.changed
  tags                = { Name = var.changed ? "changed" : "requests" }
}

resource "aws_vpc_endpoint" "s3" {
  vpc_id          = aws_vpc.main.id
  service_name    = data.aws_vpc_endpoint_service.s3.service_name
  route_table_ids = [aws_route_table.main[var.changed ? 1 : 0].id]
  policy = var.changed ? jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = "*", Action = "s3:Get*", Resource = "*" }]
  }) : null
}

# One that is made of its associations.
resource "aws_vpc_endpoint" "parts" {
  vpc_id            = aws_vpc.main.id
  service_name      = "com.amazonaws.us-east-1.sts"
  vpc_endpoint_type = "Interface"

  lifecycle {
    ignore_changes = [subnet_ids, security_group_ids, policy, private_dns_enabled]
  }
}

resource "aws_vpc_endpoint_subnet_association" "parts" {
  count           = var.changed ? 2 : 1
  vpc_endpoint_id = aws_vpc_endpoint.parts.id
  subnet_id       = aws_subnet.main[count.index].id
}

resource "aws_vpc_endpoint_security_group_association" "parts" {
  vpc_endpoint_id             = aws_vpc_endpoint.parts.id
  security_group_id           = aws_security_group.main[0].id
  replace_default_association = true
}

resource "aws_vpc_endpoint_policy" "parts" {
  vpc_endpoint_id = aws_vpc_endpoint.parts.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = "*", Action = var.changed ? "*" : "sts:*", Resource = "*" }]
  })
}

resource "aws_vpc_endpoint_private_dns" "parts" {
  vpc_endpoint_id     = aws_vpc_endpoint.parts.id
  private_dns_enabled = !var.changed
}

resource "aws_vpc_endpoint" "dynamodb" {
  vpc_id       = aws_vpc.main.id
  service_name = "com.amazonaws.us-east-1.dynamodb"

  lifecycle {
    ignore_changes = [route_table_ids]
  }
}

resource "aws_vpc_endpoint_route_table_association" "dynamodb" {
  vpc_endpoint_id = aws_vpc_endpoint.dynamodb.id
  route_table_id  = aws_route_table.main[var.changed ? 1 : 0].id
}

data "aws_vpc_endpoint" "requests" {
  id = aws_vpc_endpoint.requests.id
}

output "names" {
  value = data.aws_vpc_endpoint.requests.dns_entry
}
