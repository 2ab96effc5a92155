"""Answers to `/v1/messages/count_tokens`."""


def answer(tokens: int) -> bytes:
    return b'{"input_tokens":%d}' % tokens
