"""A new domain begins with what another one's snapshot knows: what `millrace transfer` does."""
