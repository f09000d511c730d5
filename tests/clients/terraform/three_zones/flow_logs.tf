resource "aws_flow_log" "this" {
  vpc_id                   = aws_vpc.this.id
  traffic_type             = "ALL"
  log_destination_type     = "s3"
  log_destination          = "arn:aws:s3:::three-zones-flow-logs"
  max_aggregation_interval = 60
  tags                     = { Name = "three-zones" }
}
