"""Known recommenders of the literature, run on the events that the blend is measured on; never part of a worker."""
