"""A small engine and the gateway as one process tree: what runs in an environment of AWS Lambda."""
