"""Which machines a model needs, by pure functions from its specification and a dated catalogue."""
