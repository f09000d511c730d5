# Services that run, and all that App Runner has around them. The connection is made first, by -target: its handshake is
# the owner's. A second apply with `changed = true` takes every change in place, and makes again what cannot change.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "repository" {}

variable "changed" {
  default = false
}

# A deployment is waited for in steps of 30 seconds.
variable "deployed" {
  default = false
}

provider "aws" {}

data "aws_region" "here" {}

resource "aws_apprunner_connection" "source" {
  connection_name = "source"
  provider_type   = "GITHUB"
}

resource "aws_vpc" "main" {
  cidr_block = "10.0.0.0/16"
}

resource "aws_subnet" "private" {
  count      = 2
  vpc_id     = aws_vpc.main.id
  cidr_block = cidrsubnet(aws_vpc.main.cidr_block, 8, count.index)
}

resource "aws_security_group" "web" {
  name   = "web"
  vpc_id = aws_vpc.main.id
}

resource "aws_iam_role" "instance" {
  name = "web-instance"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "tasks.apprunner.amazonaws.com" }
    }]
  })
}

resource "aws_apprunner_vpc_connector" "web" {
  vpc_connector_name = var.changed ? "web-vpc-2" : "web-vpc"
  subnets            = aws_subnet.private[*].id
  security_groups    = [aws_security_group.web.id]
  tags               = { team = var.changed ? "ops" : "web" }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_apprunner_auto_scaling_configuration_version" "web" {
  auto_scaling_configuration_name = "web-scaling"
  max_concurrency                 = var.changed ? 80 : 50
  max_size                        = 2

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_apprunner_observability_configuration" "tracing" {
  observability_configuration_name = "tracing"

  trace_configuration {
    vendor = "AWSXRAY"
  }
}

resource "aws_apprunner_service" "web" {
  service_name                   = "web-site"
  auto_scaling_configuration_arn = aws_apprunner_auto_scaling_configuration_version.web.arn
  tags                           = { team = var.changed ? "ops" : "web" }

  source_configuration {
    auto_deployments_enabled = false

    authentication_configuration {
      connection_arn = aws_apprunner_connection.source.arn
    }

    code_repository {
      repository_url   = var.repository
      source_directory = "/"

      source_code_version {
        type  = "BRANCH"
        value = "main"
      }

      code_configuration {
        configuration_source = "API"

        code_configuration_values {
          runtime                       = "PYTHON_311"
          build_command                 = "true"
          start_command                 = "python3 application.py"
          port                          = "8080"
          runtime_environment_variables = { ANSWER = var.changed ? "changed" : "first" }
        }
      }
    }
  }

  instance_configuration {
    cpu               = "1 vCPU"
    memory            = var.changed ? "3 GB" : "2 GB"
    instance_role_arn = aws_iam_role.instance.arn
  }

  health_check_configuration {
    protocol            = "HTTP"
    path                = "/"
    interval            = 1
    healthy_threshold   = var.changed ? 2 : 1
    unhealthy_threshold = 5
  }

  network_configuration {
    egress_configuration {
      egress_type       = "VPC"
      vpc_connector_arn = aws_apprunner_vpc_connector.web.arn
    }
  }

  observability_configuration {
    observability_enabled           = true
    observability_configuration_arn = aws_apprunner_observability_configuration.tracing.arn
  }
}

resource "aws_apprunner_custom_domain_association" "shop" {
  service_arn          = aws_apprunner_service.web.arn
  domain_name          = var.changed ? "shop.example.org" : "shop.example.com"
  enable_www_subdomain = false
}

resource "aws_apprunner_deployment" "again" {
  count       = var.deployed ? 1 : 0
  service_arn = aws_apprunner_service.web.arn
}

resource "aws_vpc_endpoint" "requests" {
  vpc_id             = aws_vpc.main.id
  service_name       = "com.amazonaws.${data.aws_region.here.name}.apprunner.requests"
  vpc_endpoint_type  = "Interface"
  subnet_ids         = [aws_subnet.private[0].id]
  security_group_ids = [aws_security_group.web.id]
}

resource "aws_apprunner_service" "inner" {
  service_name = var.changed ? "inner-site-2" : "inner-site"

  source_configuration {
    auto_deployments_enabled = false

    authentication_configuration {
      connection_arn = aws_apprunner_connection.source.arn
    }

    code_repository {
      repository_url = var.repository

      source_code_version {
        type  = "BRANCH"
        value = "main"
      }

      code_configuration {
        configuration_source = "API"

        code_configuration_values {
          runtime       = "PYTHON_311"
          start_command = "python3 application.py"
        }
      }
    }
  }

  network_configuration {
    ingress_configuration {
      is_publicly_accessible = false
    }

    egress_configuration {
      egress_type = "DEFAULT"
    }
  }

  # AWS tells what nobody asked for, and the provider would take it for a change (terraform-provider-aws#27733).
  observability_configuration {
    observability_enabled = false
  }
}

resource "aws_apprunner_vpc_ingress_connection" "inner" {
  name        = "inner"
  service_arn = aws_apprunner_service.inner.arn
  tags        = { team = var.changed ? "ops" : "web" }

  ingress_vpc_configuration {
    vpc_id          = aws_vpc.main.id
    vpc_endpoint_id = aws_vpc_endpoint.requests.id
  }
}

output "service" {
  value = {
    arn    = aws_apprunner_service.web.arn
    status = aws_apprunner_service.web.status
    url    = aws_apprunner_service.web.service_url
  }
}

output "inner" {
  value = {
    arn    = aws_apprunner_service.inner.arn
    domain = aws_apprunner_vpc_ingress_connection.inner.domain_name
    entry  = aws_apprunner_vpc_ingress_connection.inner.status
  }
}

output "domain" {
  value = {
    status = aws_apprunner_custom_domain_association.shop.status
    target = aws_apprunner_custom_domain_association.shop.dns_target
    types  = [for each in aws_apprunner_custom_domain_association.shop.certificate_validation_records : each.type]
  }
}
