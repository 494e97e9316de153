"""Work on demand: requests for jobs, their inputs, and what the built-in kinds do."""
