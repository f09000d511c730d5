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

# What they reach: a path to each other, and one out of the VPC.
resource "aws_ec2_network_insights_path" "inside" {
  source           = aws_network_interface.counted.id
  destination      = aws_network_interface.plain.arn
  protocol         = "tcp"
  destination_port = 443
  tags             = { Name = "inside" }
}

resource "aws_ec2_network_insights_path" "outside" {
  source      = aws_network_interface.counted.id
  destination = aws_internet_gateway.this.id
  protocol    = "udp"
}

resource "aws_ec2_network_insights_analysis" "inside" {
  network_insights_path_id = aws_ec2_network_insights_path.inside.id
  filter_in_arns           = var.changed ? ["arn:aws:ec2:us-east-1:123456789012:natgateway/nat-0123456789abcdef0"] : null
  tags                     = { changed = var.changed }
}

resource "aws_ec2_network_insights_analysis" "outside" {
  network_insights_path_id = aws_ec2_network_insights_path.outside.id
  wait_for_completion      = false
}
