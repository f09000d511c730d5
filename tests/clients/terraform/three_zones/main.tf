# A VPC like the ones that public modules make: public, private and intra subnets in three zones, NAT, IPv6,
# tags on the default resources, network ACLs, endpoints and flow logs.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

provider "aws" {
  default_tags {
    tags = { Environment = var.environment }
  }
}

variable "environment" {
  default = "test"
}

variable "single_nat_gateway" {
  default = false
}

data "aws_availability_zones" "available" {
  state = "available"

  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

data "aws_region" "current" {}

data "aws_caller_identity" "current" {}

locals {
  zones        = slice(data.aws_availability_zones.available.names, 0, 3)
  nat_gateways = var.single_nat_gateway ? 1 : 3
}

resource "aws_vpc" "this" {
  cidr_block                       = "10.0.0.0/16"
  assign_generated_ipv6_cidr_block = true
  enable_dns_hostnames             = true
  enable_dns_support               = true
  tags                             = { Name = "three-zones" }
}

resource "aws_vpc_ipv4_cidr_block_association" "this" {
  vpc_id     = aws_vpc.this.id
  cidr_block = "10.1.0.0/16"
}

resource "aws_vpc_dhcp_options" "this" {
  domain_name         = "service.internal"
  domain_name_servers = ["AmazonProvidedDNS"]
  ntp_servers         = ["169.254.169.123"]
}

resource "aws_vpc_dhcp_options_association" "this" {
  vpc_id          = aws_vpc.this.id
  dhcp_options_id = aws_vpc_dhcp_options.this.id
}

resource "aws_default_security_group" "this" {
  vpc_id = aws_vpc.this.id
  tags   = { Name = "three-zones-default" }
}

resource "aws_default_network_acl" "this" {
  default_network_acl_id = aws_vpc.this.default_network_acl_id
  tags                   = { Name = "three-zones-default" }

  ingress {
    rule_no    = 100
    action     = "allow"
    protocol   = "-1"
    from_port  = 0
    to_port    = 0
    cidr_block = "0.0.0.0/0"
  }

  ingress {
    rule_no         = 101
    action          = "allow"
    protocol        = "-1"
    from_port       = 0
    to_port         = 0
    ipv6_cidr_block = "::/0"
  }

  egress {
    rule_no    = 100
    action     = "allow"
    protocol   = "-1"
    from_port  = 0
    to_port    = 0
    cidr_block = "0.0.0.0/0"
  }

  egress {
    rule_no         = 101
    action          = "allow"
    protocol        = "-1"
    from_port       = 0
    to_port         = 0
    ipv6_cidr_block = "::/0"
  }

  # Subnets join and leave the default ACL by themselves.
  lifecycle {
    ignore_changes = [subnet_ids]
  }
}

resource "aws_default_route_table" "this" {
  default_route_table_id = aws_vpc.this.default_route_table_id
  tags                   = { Name = "three-zones-default" }

  timeouts {
    create = "5m"
    update = "5m"
  }
}

# Public subnets

resource "aws_internet_gateway" "this" {
  vpc_id = aws_vpc.this.id
}

resource "aws_subnet" "public" {
  count                           = 3
  vpc_id                          = aws_vpc.this.id
  availability_zone               = local.zones[count.index]
  cidr_block                      = cidrsubnet(aws_vpc.this.cidr_block, 8, count.index)
  ipv6_cidr_block                 = cidrsubnet(aws_vpc.this.ipv6_cidr_block, 8, count.index)
  assign_ipv6_address_on_creation = true
  map_public_ip_on_launch         = true
  tags                            = { Name = "public-${local.zones[count.index]}" }
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.this.id
  tags   = { Name = "public" }
}

resource "aws_route_table_association" "public" {
  count          = 3
  subnet_id      = aws_subnet.public[count.index].id
  route_table_id = aws_route_table.public.id
}

resource "aws_route" "public" {
  route_table_id         = aws_route_table.public.id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.this.id

  timeouts {
    create = "5m"
  }
}

resource "aws_route" "public_ipv6" {
  route_table_id              = aws_route_table.public.id
  destination_ipv6_cidr_block = "::/0"
  gateway_id                  = aws_internet_gateway.this.id
}

resource "aws_network_acl" "public" {
  vpc_id     = aws_vpc.this.id
  subnet_ids = aws_subnet.public[*].id
  tags       = { Name = "public" }
}

resource "aws_network_acl_rule" "public" {
  for_each       = { inbound = false, outbound = true }
  network_acl_id = aws_network_acl.public.id
  egress         = each.value
  rule_number    = 100
  rule_action    = "allow"
  protocol       = "-1"
  cidr_block     = "0.0.0.0/0"
}

# Private subnets, with a NAT gateway for each zone or one for all

resource "aws_subnet" "private" {
  count                           = 3
  vpc_id                          = aws_vpc.this.id
  availability_zone               = local.zones[count.index]
  cidr_block                      = cidrsubnet(aws_vpc.this.cidr_block, 8, 10 + count.index)
  ipv6_cidr_block                 = cidrsubnet(aws_vpc.this.ipv6_cidr_block, 8, 10 + count.index)
  assign_ipv6_address_on_creation = true
  tags                            = { Name = "private-${local.zones[count.index]}" }
}

resource "aws_eip" "nat" {
  count      = local.nat_gateways
  domain     = "vpc"
  tags       = { Name = "nat-${local.zones[count.index]}" }
  depends_on = [aws_internet_gateway.this]
}

resource "aws_nat_gateway" "this" {
  count         = local.nat_gateways
  allocation_id = aws_eip.nat[count.index].id
  subnet_id     = aws_subnet.public[count.index].id
  tags          = { Name = local.zones[count.index] }
  depends_on    = [aws_internet_gateway.this]
}

resource "aws_egress_only_internet_gateway" "this" {
  vpc_id = aws_vpc.this.id
}

resource "aws_route_table" "private" {
  count  = local.nat_gateways
  vpc_id = aws_vpc.this.id
  tags   = { Name = "private-${count.index}" }
}

resource "aws_route_table_association" "private" {
  count          = 3
  subnet_id      = aws_subnet.private[count.index].id
  route_table_id = aws_route_table.private[var.single_nat_gateway ? 0 : count.index].id
}

resource "aws_route" "private" {
  count                  = local.nat_gateways
  route_table_id         = aws_route_table.private[count.index].id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = aws_nat_gateway.this[count.index].id
}

resource "aws_route" "private_ipv6" {
  count                       = local.nat_gateways
  route_table_id              = aws_route_table.private[count.index].id
  destination_ipv6_cidr_block = "::/0"
  egress_only_gateway_id      = aws_egress_only_internet_gateway.this.id
}

# Subnets without a way out, in the second address range

resource "aws_subnet" "intra" {
  count             = 3
  vpc_id            = aws_vpc_ipv4_cidr_block_association.this.vpc_id
  availability_zone = local.zones[count.index]
  cidr_block        = cidrsubnet(aws_vpc_ipv4_cidr_block_association.this.cidr_block, 8, count.index)
  tags              = { Name = "intra-${local.zones[count.index]}" }
}

resource "aws_route_table" "intra" {
  vpc_id = aws_vpc.this.id
}

resource "aws_route_table_association" "intra" {
  count          = 3
  subnet_id      = aws_subnet.intra[count.index].id
  route_table_id = aws_route_table.intra.id
}

output "subnets" {
  value = [aws_subnet.public[*].id, aws_subnet.private[*].id, aws_subnet.intra[*].id]
}
