# Every resource of EC2's networking that has no place in three_zones, each with what can be changed in place.
# A second apply with `changed = true` takes every change there is.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

provider "aws" {}

variable "changed" {
  default = false
}

resource "aws_vpc" "this" {
  cidr_block           = "10.0.0.0/16"
  enable_dns_hostnames = var.changed
  enable_dns_support   = true
  instance_tenancy     = "default"
  tags                 = { Name = var.changed ? "changed" : "made" }
}

resource "aws_subnet" "this" {
  count                               = 2
  vpc_id                              = aws_vpc.this.id
  availability_zone                   = "${data.aws_region.current.name}${["a", "b"][count.index]}"
  cidr_block                          = "10.0.${count.index * 64}.0/18" # so large that hardly anything is drawn that is named below
  map_public_ip_on_launch             = var.changed
  private_dns_hostname_type_on_launch = var.changed ? "resource-name" : "ip-name"
  tags                                = var.changed ? { Changed = "yes" } : { Name = "made" }
}

resource "aws_internet_gateway" "this" {
  tags = { Name = var.changed ? "changed" : "made" }
}

resource "aws_internet_gateway_attachment" "this" {
  vpc_id              = aws_vpc.this.id
  internet_gateway_id = aws_internet_gateway.this.id
}

resource "aws_egress_only_internet_gateway" "this" {
  vpc_id = aws_vpc.this.id
  tags   = { Name = var.changed ? "changed" : "made" }
}

resource "aws_default_vpc" "this" {
  tags = { Name = var.changed ? "changed" : "made" }
}

resource "aws_default_subnet" "this" {
  availability_zone       = "${data.aws_region.current.name}a"
  map_public_ip_on_launch = !var.changed
  force_destroy           = true
  depends_on              = [aws_default_vpc.this]
}

# Route tables and routes

resource "aws_route_table" "this" {
  vpc_id = aws_vpc.this.id
  tags   = { Name = var.changed ? "changed" : "made" }

  route {
    cidr_block = var.changed ? "0.0.0.0/0" : "192.0.2.0/24"
    gateway_id = aws_internet_gateway_attachment.this.internet_gateway_id
  }

  route {
    ipv6_cidr_block        = "::/0"
    egress_only_gateway_id = aws_egress_only_internet_gateway.this.id
  }
}

resource "aws_route_table" "other" {
  vpc_id = aws_vpc.this.id
}

resource "aws_route" "this" {
  route_table_id         = aws_route_table.other.id
  destination_cidr_block = "198.51.100.0/24"
  gateway_id             = var.changed ? null : aws_internet_gateway_attachment.this.internet_gateway_id
  nat_gateway_id         = var.changed ? aws_nat_gateway.private.id : null
}

resource "aws_route" "interface" {
  route_table_id         = aws_route_table.other.id
  destination_cidr_block = "203.0.113.0/24"
  network_interface_id   = aws_network_interface.this.id
}

resource "aws_route_table_association" "subnet" {
  subnet_id      = aws_subnet.this[0].id
  route_table_id = var.changed ? aws_route_table.this.id : aws_route_table.other.id
}

resource "aws_route_table_association" "gateway" {
  gateway_id     = aws_internet_gateway_attachment.this.internet_gateway_id
  route_table_id = aws_route_table.edge.id
}

resource "aws_route_table" "edge" {
  vpc_id = aws_vpc.this.id
}

resource "aws_main_route_table_association" "this" {
  vpc_id         = aws_vpc.this.id
  route_table_id = var.changed ? aws_route_table.this.id : aws_route_table.other.id
}

resource "aws_vpc" "second" {
  cidr_block = "10.9.0.0/16"

  # One of its tags and its IPv6 block are resources of their own.
  lifecycle {
    ignore_changes = [tags, assign_generated_ipv6_cidr_block]
  }
}

resource "aws_default_route_table" "second" {
  default_route_table_id = aws_vpc.second.default_route_table_id
  tags                   = { Name = var.changed ? "changed" : "made" }

  route {
    cidr_block = var.changed ? "0.0.0.0/0" : "192.0.2.0/24"
    gateway_id = aws_internet_gateway.second.id
  }
}

resource "aws_internet_gateway" "second" {
  vpc_id = aws_vpc.second.id
}

# Addresses and NAT gateways

resource "aws_eip" "this" {
  domain = "vpc"
  tags   = { Name = var.changed ? "changed" : "made" }
}

resource "aws_eip_association" "this" {
  allocation_id        = aws_eip.this.id
  network_interface_id = aws_network_interface.this.id
  private_ip_address   = "10.0.0.20"
  depends_on           = [aws_internet_gateway_attachment.this]
}

resource "aws_eip" "nat" {
  count      = 2
  domain     = "vpc"
  depends_on = [aws_internet_gateway_attachment.this]
}

resource "aws_eip" "interface" {
  domain                    = "vpc"
  network_interface         = aws_network_interface.this.id
  associate_with_private_ip = "10.0.0.21"
  depends_on                = [aws_internet_gateway_attachment.this]
}

resource "aws_nat_gateway" "public" {
  allocation_id                  = aws_eip.nat[0].id
  subnet_id                      = aws_subnet.this[0].id
  secondary_allocation_ids       = var.changed ? [aws_eip.nat[1].id] : []
  secondary_private_ip_addresses = var.changed ? ["10.0.0.40"] : []
  tags                           = { Name = var.changed ? "changed" : "made" }
  depends_on                     = [aws_internet_gateway_attachment.this]
}

resource "aws_nat_gateway" "private" {
  connectivity_type                  = "private"
  subnet_id                          = aws_subnet.this[1].id
  private_ip                         = "10.0.64.50"
  secondary_private_ip_address_count = 2
}

# Network ACLs

resource "aws_network_acl" "this" {
  vpc_id     = aws_vpc.this.id
  subnet_ids = var.changed ? [] : [aws_subnet.this[0].id]
  tags       = { Name = var.changed ? "changed" : "made" }

  ingress {
    rule_no    = 10
    action     = var.changed ? "deny" : "allow"
    protocol   = "tcp"
    from_port  = 443
    to_port    = 443
    cidr_block = "0.0.0.0/0"
  }

  egress {
    rule_no         = 20
    action          = "allow"
    protocol        = "icmp"
    icmp_type       = -1
    icmp_code       = -1
    from_port       = 0
    to_port         = 0
    ipv6_cidr_block = "::/0"
  }
}

resource "aws_network_acl" "bare" {
  vpc_id = aws_vpc.this.id

  lifecycle {
    ignore_changes = [subnet_ids]
  }
}

resource "aws_network_acl_rule" "this" {
  network_acl_id = aws_network_acl.bare.id
  rule_number    = 30
  egress         = true
  rule_action    = var.changed ? "deny" : "allow"
  protocol       = "udp"
  from_port      = 53
  to_port        = 53
  cidr_block     = "10.0.0.0/8"
}

resource "aws_network_acl_association" "this" {
  network_acl_id = aws_network_acl.bare.id
  subnet_id      = aws_subnet.this[1].id
}

resource "aws_default_network_acl" "second" {
  default_network_acl_id = aws_vpc.second.default_network_acl_id

  # Subnets join and leave the default ACL by themselves.
  lifecycle {
    ignore_changes = [subnet_ids]
  }

  ingress {
    rule_no    = var.changed ? 101 : 100
    action     = "allow"
    protocol   = "-1"
    from_port  = 0
    to_port    = 0
    cidr_block = "0.0.0.0/0"
  }
}

# Security groups

resource "aws_security_group" "inline" {
  name        = "inline"
  description = "Rules in the group"
  vpc_id      = aws_vpc.this.id
  tags        = { Name = var.changed ? "changed" : "made" }

  ingress {
    description = var.changed ? "changed" : "made"
    protocol    = "tcp"
    from_port   = 80
    to_port     = var.changed ? 81 : 80
    cidr_blocks = ["10.0.0.0/8", "192.0.2.0/24"]
  }

  ingress {
    protocol        = "tcp"
    from_port       = 443
    to_port         = 443
    self            = true
    security_groups = [aws_security_group.bare.id]
  }

  egress {
    protocol         = "-1"
    from_port        = 0
    to_port          = 0
    cidr_blocks      = ["0.0.0.0/0"]
    ipv6_cidr_blocks = var.changed ? [] : ["::/0"]
  }
}

resource "aws_security_group" "bare" {
  name_prefix = "bare-"
  vpc_id      = aws_vpc.this.id
}

resource "aws_security_group_rule" "cidr" {
  security_group_id = aws_security_group.bare.id
  type              = "ingress"
  protocol          = "tcp"
  from_port         = 8080
  to_port           = 8081
  cidr_blocks       = ["10.0.0.0/8", "172.16.0.0/12"]
  description       = var.changed ? "changed" : "made"
}

resource "aws_security_group_rule" "group" {
  security_group_id        = aws_security_group.bare.id
  type                     = "egress"
  protocol                 = "-1"
  from_port                = 0
  to_port                  = 0
  source_security_group_id = aws_security_group.inline.id
}

resource "aws_security_group_rule" "self" {
  security_group_id = aws_security_group.bare.id
  type              = "ingress"
  protocol          = "icmp"
  from_port         = 8
  to_port           = 0
  self              = true
}

resource "aws_vpc_security_group_ingress_rule" "this" {
  security_group_id = aws_security_group.bare.id
  ip_protocol       = "tcp"
  from_port         = var.changed ? 9001 : 9000
  to_port           = 9001
  cidr_ipv4         = "10.0.0.0/16"
  description       = "first-class"
  tags              = { Name = var.changed ? "changed" : "made" }
}

resource "aws_vpc_security_group_egress_rule" "this" {
  security_group_id            = aws_security_group.bare.id
  ip_protocol                  = "-1"
  referenced_security_group_id = aws_security_group.bare.id
}

resource "aws_vpc_security_group_egress_rule" "ipv6" {
  security_group_id = aws_security_group.bare.id
  ip_protocol       = "-1"
  cidr_ipv6         = "::/0"
}

resource "aws_default_security_group" "second" {
  vpc_id = aws_vpc.second.id

  ingress {
    protocol  = "-1"
    from_port = 0
    to_port   = 0
    self      = true
  }
}

# Network interfaces

resource "aws_network_interface" "this" {
  subnet_id         = aws_subnet.this[0].id
  description       = var.changed ? "changed" : "made"
  security_groups   = var.changed ? [aws_security_group.bare.id] : [aws_security_group.bare.id, aws_security_group.inline.id]
  source_dest_check = var.changed
  private_ips       = var.changed ? ["10.0.0.20", "10.0.0.21"] : ["10.0.0.20", "10.0.0.21", "10.0.0.22"]
  tags              = { Name = var.changed ? "changed" : "made" }
}

resource "aws_network_interface" "counted" {
  subnet_id         = aws_subnet.this[1].id
  private_ips_count = var.changed ? 1 : 3
}

resource "aws_network_interface" "plain" {
  subnet_id = aws_subnet.this[1].id
}

resource "aws_network_interface_sg_attachment" "this" {
  network_interface_id = aws_network_interface.plain.id
  security_group_id    = aws_security_group.bare.id
}

# DHCP options

resource "aws_vpc_dhcp_options" "this" {
  domain_name         = "service.internal"
  domain_name_servers = ["127.0.0.1", "10.0.0.2"]
  ntp_servers         = ["127.0.0.1"]
  tags                = { Name = var.changed ? "changed" : "made" }
}

resource "aws_vpc_dhcp_options_association" "this" {
  vpc_id          = aws_vpc.this.id
  dhcp_options_id = var.changed ? aws_default_vpc_dhcp_options.this.id : aws_vpc_dhcp_options.this.id
}

# The provider does not tag this one when it first adopts it.
resource "aws_default_vpc_dhcp_options" "this" {}

resource "aws_ec2_tag" "this" {
  resource_id = aws_vpc.second.id
  key         = "apart"
  value       = var.changed ? "changed" : "made"
}
