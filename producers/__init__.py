"""Feeding events: files replayed, users simulated, data sets imported; START READING at `replay.py`."""
