"""What the built-in kinds of jobs do, and the manifest of a job's result. Nothing here knows Dagster."""
