"""The demo: real services, a real worker and a real shop's events on one screen. Start reading in session.py."""
