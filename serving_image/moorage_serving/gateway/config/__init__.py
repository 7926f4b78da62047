"""The configuration: what a file may say, how it is read, and its JSON Schema."""
