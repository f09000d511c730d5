"""What a request asks a service to be: checked, with AWS's defaults, as values without input and output."""
