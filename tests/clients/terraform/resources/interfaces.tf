# Interfaces with IPv6 addresses and prefixes

resource "aws_network_interface" "ipv6" {
  subnet_id       = aws_subnet.dual.id
  ipv6_addresses  = var.changed ? [cidrhost(aws_subnet.dual.ipv6_cidr_block, 16)] : [for host in [16, 17] : cidrhost(aws_subnet.dual.ipv6_cidr_block, host)]
  security_groups = [aws_security_group.blocks.id]
}

resource "aws_network_interface" "ipv6_counted" {
  subnet_id          = aws_subnet.dual.id
  ipv6_address_count = var.changed ? 3 : 1
}

resource "aws_network_interface" "prefixes" {
  subnet_id         = aws_subnet.dual.id
  ipv4_prefix_count = var.changed ? 2 : 1
  ipv6_prefix_count = 1
}

resource "aws_network_interface" "native" {
  subnet_id          = aws_subnet.native.id
  ipv6_address_count = 1
}

resource "aws_network_interface_permission" "this" {
  network_interface_id = aws_network_interface.plain.id
  aws_account_id       = "123456789012"
  permission           = "INSTANCE-ATTACH"
}

resource "aws_security_group" "blocks" {
  name   = "blocks"
  vpc_id = aws_vpc.blocks.id
}
