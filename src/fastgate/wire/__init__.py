"""What stands on the wire: request envelopes, error bodies, multipart forms. No I/O."""
