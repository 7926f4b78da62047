"""Contracts that every component keeps, and the documents that the rooms share."""
