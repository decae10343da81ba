"""Search for the settings that suit a stream: what `millrace tune` does."""
