"""Texts for people: a module of templates a language, and how they become sentences."""
