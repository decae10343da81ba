"""Learning models: what Millrace knows of items and users, and how it ranks.

Nothing in here knows Kafka, Redis, a clock or a log: time, seed and events come in as arguments.
Start reading in `recommender.py`.
"""
