"""Several tasks for one encoder: a head for each kind of event, and one for what events state."""
