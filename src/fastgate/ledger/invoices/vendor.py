"""Whose exports can be read."""

from enum import StrEnum


class Vendor(StrEnum):
    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    AWS = "aws"
    GCP = "gcp"
