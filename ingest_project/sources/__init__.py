"""Where work comes from: which object, on which route, in which partition.

`source.py` has what a kind of messages must provide, `s3/notification.py` reads the envelopes of S3's events,
`routing.py` finds the table of an object version. `s3/` and `sqs/` talk to AWS, `aws.py` opens the sessions.
"""
