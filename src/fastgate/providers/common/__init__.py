"""What dialects share: heads of requests, the failures that statuses stand for, how long to wait."""
