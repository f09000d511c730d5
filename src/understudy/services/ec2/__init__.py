"""The part of Amazon EC2 that App Runner's networking stands on."""
