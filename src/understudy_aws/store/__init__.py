"""What is remembered: typed frozen records, kept through a crash."""
