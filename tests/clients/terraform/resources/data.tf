# What can be looked up

data "aws_region" "current" {}

data "aws_regions" "all" {}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_availability_zones" "all" {}

data "aws_availability_zone" "first" {
  name = "${data.aws_region.current.name}a"
}

data "aws_vpc" "this" {
  id = aws_vpc.this.id
}

data "aws_vpcs" "all" {
  depends_on = [aws_vpc.this]
}

data "aws_subnet" "this" {
  filter {
    name   = "vpc-id"
    values = [aws_vpc.this.id]
  }

  cidr_block = aws_subnet.this[0].cidr_block
}

data "aws_subnets" "this" {
  filter {
    name   = "vpc-id"
    values = [aws_vpc.this.id]
  }

  depends_on = [aws_subnet.this]
}

data "aws_security_group" "this" {
  id = aws_security_group.inline.id
}

data "aws_security_groups" "this" {
  filter {
    name   = "vpc-id"
    values = [aws_vpc.this.id]
  }

  depends_on = [aws_security_group.inline]
}

data "aws_vpc_security_group_rules" "this" {
  filter {
    name   = "group-id"
    values = [aws_security_group.inline.id]
  }
}

data "aws_vpc_security_group_rule" "this" {
  security_group_rule_id = aws_vpc_security_group_ingress_rule.this.id
}

data "aws_route_table" "this" {
  subnet_id  = aws_subnet.this[0].id
  depends_on = [aws_route_table_association.subnet]
}

data "aws_route_tables" "this" {
  vpc_id     = aws_vpc.this.id
  depends_on = [aws_route_table.this]
}

data "aws_route" "this" {
  route_table_id         = aws_route.this.route_table_id
  destination_cidr_block = aws_route.this.destination_cidr_block
}

data "aws_network_acls" "this" {
  vpc_id     = aws_vpc.this.id
  depends_on = [aws_network_acl.this]
}

data "aws_network_interface" "this" {
  id = aws_network_interface.this.id
}

data "aws_network_interfaces" "this" {
  filter {
    name   = "subnet-id"
    values = [aws_subnet.this[0].id]
  }

  depends_on = [aws_network_interface.this]
}

data "aws_internet_gateway" "this" {
  internet_gateway_id = aws_internet_gateway_attachment.this.internet_gateway_id
}

data "aws_nat_gateway" "this" {
  id = aws_nat_gateway.private.id
}

data "aws_nat_gateways" "this" {
  vpc_id     = aws_vpc.this.id
  depends_on = [aws_nat_gateway.private]
}

data "aws_eip" "this" {
  id = aws_eip.this.id
}

data "aws_eips" "all" {
  depends_on = [aws_eip.this]
}

data "aws_vpc_dhcp_options" "this" {
  dhcp_options_id = aws_vpc_dhcp_options.this.id
}
