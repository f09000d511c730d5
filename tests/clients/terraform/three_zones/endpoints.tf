# Endpoints of the VPC, the group that admits the VPC to them, and prefix lists

data "aws_vpc_endpoint_service" "s3" {
  service      = "s3"
  service_type = "Gateway"
}

data "aws_vpc_endpoint_service" "interface" {
  for_each     = toset(["apprunner", "secretsmanager"])
  service      = each.key
  service_type = "Interface"
}

resource "aws_security_group" "endpoints" {
  name_prefix = "endpoints-"
  description = "The VPC may ask the endpoints"
  vpc_id      = aws_vpc.this.id

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_security_group_rule" "endpoints" {
  security_group_id = aws_security_group.endpoints.id
  type              = "ingress"
  protocol          = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_blocks       = [aws_vpc.this.cidr_block, aws_vpc_ipv4_cidr_block_association.this.cidr_block]
  ipv6_cidr_blocks  = [aws_vpc.this.ipv6_cidr_block]
}

resource "aws_vpc_endpoint" "s3" {
  vpc_id            = aws_vpc.this.id
  service_name      = data.aws_vpc_endpoint_service.s3.service_name
  vpc_endpoint_type = "Gateway"
  tags              = { Name = "s3" }
}

# Associations of their own go before their route tables do; an endpoint with a list of tables is changed after that.
resource "aws_vpc_endpoint_route_table_association" "private" {
  count           = local.nat_gateways
  vpc_endpoint_id = aws_vpc_endpoint.s3.id
  route_table_id  = aws_route_table.private[count.index].id
}

resource "aws_vpc_endpoint_route_table_association" "intra" {
  vpc_endpoint_id = aws_vpc_endpoint.s3.id
  route_table_id  = aws_route_table.intra.id
}

data "aws_prefix_list" "s3" {
  prefix_list_id = aws_vpc_endpoint.s3.prefix_list_id
}

data "aws_ec2_managed_prefix_list" "s3" {
  name = data.aws_prefix_list.s3.name
}

resource "aws_ec2_managed_prefix_list" "partners" {
  name           = "partners"
  address_family = "IPv4"
  max_entries    = 5
  tags           = { Name = "partners" }

  dynamic "entry" {
    for_each = var.single_nat_gateway ? ["192.0.2.0/24", "203.0.113.0/24"] : ["192.0.2.0/24", "198.51.100.0/24"]

    content {
      cidr        = entry.value
      description = "a partner"
    }
  }
}

resource "aws_ec2_managed_prefix_list" "bare" {
  name           = "bare"
  address_family = "IPv6"
  max_entries    = var.single_nat_gateway ? 3 : 2
}

resource "aws_ec2_managed_prefix_list_entry" "bare" {
  prefix_list_id = aws_ec2_managed_prefix_list.bare.id
  cidr           = "2001:db8::/32"
  description    = "an entry of its own"
}

resource "aws_vpc_security_group_ingress_rule" "partners" {
  security_group_id = aws_security_group.endpoints.id
  ip_protocol       = "tcp"
  from_port         = 8443
  to_port           = 8443
  prefix_list_id    = aws_ec2_managed_prefix_list.partners.id
}

resource "aws_route" "partners" {
  route_table_id             = aws_route_table.intra.id
  destination_prefix_list_id = aws_ec2_managed_prefix_list.partners.id
  nat_gateway_id             = aws_nat_gateway.this[0].id
}

resource "aws_vpc_endpoint" "interface" {
  for_each            = data.aws_vpc_endpoint_service.interface
  vpc_id              = aws_vpc.this.id
  service_name        = each.value.service_name
  vpc_endpoint_type   = "Interface"
  subnet_ids          = aws_subnet.private[*].id
  security_group_ids  = [aws_security_group.endpoints.id]
  private_dns_enabled = true
  tags                = { Name = each.key }

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = "arn:aws:iam::${data.aws_caller_identity.current.account_id}:root" }
      Action    = "${each.key}:*"
      Resource  = "*"
    }]
  })
}
