"""The life of a request: routing, authentication, authorization, the operation and the trail."""
