"""Answers to questions, in SQL: read only, over facts, changesets and aggregates."""
