"""Moorage serving."""
