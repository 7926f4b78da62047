"""Against a Vertex AI front door and token servers that check what Google's check."""
