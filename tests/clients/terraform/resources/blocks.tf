# Blocks of VPCs and subnets, reservations, and VPC Block Public Access.

resource "aws_vpc" "blocks" {
  cidr_block                           = "10.80.0.0/16"
  assign_generated_ipv6_cidr_block     = true
  instance_tenancy                     = var.changed ? "default" : "dedicated"
  enable_network_address_usage_metrics = var.changed
  tags                                 = { Name = "blocks" }
}

resource "aws_vpc_ipv4_cidr_block_association" "this" {
  vpc_id     = aws_vpc.blocks.id
  cidr_block = var.changed ? "10.82.0.0/16" : "10.81.0.0/16"
}

# The provider takes a block that is associated beside it for one of its own.
resource "aws_vpc" "plain" {
  cidr_block = "10.90.0.0/16"

  lifecycle {
    ignore_changes = [assign_generated_ipv6_cidr_block]
  }
}

resource "aws_vpc_ipv6_cidr_block_association" "this" {
  vpc_id                           = aws_vpc.plain.id
  assign_generated_ipv6_cidr_block = true
}

resource "aws_subnet" "dual" {
  vpc_id                                         = aws_vpc.blocks.id
  cidr_block                                     = "10.80.1.0/24"
  ipv6_cidr_block                                = cidrsubnet(aws_vpc.blocks.ipv6_cidr_block, 8, 1)
  assign_ipv6_address_on_creation                = var.changed
  enable_dns64                                   = !var.changed
  enable_resource_name_dns_a_record_on_launch    = var.changed
  enable_resource_name_dns_aaaa_record_on_launch = !var.changed
}

# It gets a block when it has been made, and loses it again.
resource "aws_subnet" "later" {
  vpc_id          = aws_vpc.blocks.id
  cidr_block      = "10.80.2.0/24"
  ipv6_cidr_block = var.changed ? cidrsubnet(aws_vpc.blocks.ipv6_cidr_block, 8, 2) : null
}

resource "aws_subnet" "secondary" {
  vpc_id     = aws_vpc_ipv4_cidr_block_association.this.vpc_id
  cidr_block = cidrsubnet(aws_vpc_ipv4_cidr_block_association.this.cidr_block, 8, 1)
}

resource "aws_subnet" "native" {
  vpc_id                                         = aws_vpc.plain.id
  ipv6_cidr_block                                = cidrsubnet(aws_vpc_ipv6_cidr_block_association.this.ipv6_cidr_block, 8, 1)
  ipv6_native                                    = true
  assign_ipv6_address_on_creation                = true
  enable_resource_name_dns_aaaa_record_on_launch = true
}

resource "aws_ec2_subnet_cidr_reservation" "this" {
  for_each         = { explicit = "10.80.1.16/28", prefix = "10.80.1.32/28" }
  subnet_id        = aws_subnet.dual.id
  cidr_block       = each.value
  reservation_type = each.key
  description      = "reserved"
}

resource "aws_vpc_block_public_access_options" "this" {
  internet_gateway_block_mode = var.changed ? "block-ingress" : "block-bidirectional"
}

resource "aws_vpc_block_public_access_exclusion" "vpc" {
  vpc_id                          = aws_vpc.blocks.id
  internet_gateway_exclusion_mode = var.changed ? "allow-bidirectional" : "allow-egress"
  tags                            = { Name = var.changed ? "changed" : "made" }
}

resource "aws_vpc_block_public_access_exclusion" "subnet" {
  subnet_id                       = aws_subnet.native.id
  internet_gateway_exclusion_mode = "allow-bidirectional"
}
