"""What torch trains between two events. Torch takes seconds to load, so it is imported late: see `models/pace.py`."""
