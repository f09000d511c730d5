RUNNING	gbc1h72naa.us-east-1.awsapprunner.localhost:4567
