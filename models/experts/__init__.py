"""Experts: small models that each propose candidates and score them; one idea a file.

An expert is a set of tables (arrays, so that kernels update them and snapshots hold them), a kernel that learns one
event, and a kernel that scores one user's candidates into its column. They do not know each other: the mixture
weighs them by context, so each only has to be right somewhere.
"""
