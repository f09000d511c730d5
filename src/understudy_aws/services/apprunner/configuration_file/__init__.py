"""The file `apprunner.yaml` in the source code of a service: its grammar as a value, and its mistakes in sentences."""
