"""Starts one engine when it is asked for and stops it when nobody has asked for long: a small process beside it."""
