"""Sequence encoders: what a user's last items say, as one vector. Each file reads like its paper."""
