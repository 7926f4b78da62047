"""Answers a question that was asked before from Redis, and questions asked at once from one answer of the engine."""
