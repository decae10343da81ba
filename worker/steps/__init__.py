"""The steps of the pipeline, in order: decode, clean, learn, rank, publish. They do not know each other."""
