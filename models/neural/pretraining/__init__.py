"""Training before training: what histories teach about themselves, before the next item is asked for."""
