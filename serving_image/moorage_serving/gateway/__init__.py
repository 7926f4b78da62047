"""The gateway: one OpenAI-compatible front door before any number of engines.

Start it alone with `python -m moorage_serving.gateway serve --config FILE`. `config` says what the file holds; the
README of the serving image says what clients, operators and dashboards see.
"""
