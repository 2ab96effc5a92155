"""The data plane's HTTP surface: which path is which operation."""
