"""What instances of services run: source trees and images, how they are made, and how they are run apart."""
