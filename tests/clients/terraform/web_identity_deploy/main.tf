# A deploy with no keys but a token: the provider assumes the role by itself.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "role" {}
variable "token_file" {}

provider "aws" {
  assume_role_with_web_identity {
    role_arn                = var.role
    session_name            = "terraform"
    web_identity_token_file = var.token_file
  }
}

data "aws_caller_identity" "here" {}

resource "aws_vpc" "shop" {
  cidr_block = "10.20.0.0/16"
}

output "who" {
  value = data.aws_caller_identity.here.arn
}
