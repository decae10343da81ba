"""Training of deep models from files of events: what `millrace train` does, and the folder that it leaves."""
