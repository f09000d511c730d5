"""Running instances of services: launched, watched, led requests to, and retired."""
