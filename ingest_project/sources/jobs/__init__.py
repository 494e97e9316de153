"""Requests for jobs: the messages of a queue with `source: jobs`."""
