"""The control process: reads the configuration, publishes it to the workers, answers on a Unix socket."""
