"""Probabilities that a provider fills with anything: no client's answer fails by them."""

import msgspec
import pytest
from tests.support.wire_targets import asked

from fastgate.domain.conversation import Conversation, Text
from fastgate.domain.format import CONVERSATIONS, Format
from fastgate.domain.reply import Choice, Ended, Finish, Reply, TextDelta
from fastgate.wire.formats import CLIENTS
from fastgate.wire.interface import Losses
from fastgate.wire.logprobs import Chosen, chosen_in


@pytest.mark.parametrize("format_", sorted(CONVERSATIONS & CLIENTS.keys()))
@pytest.mark.parametrize(
    "logprobs", [b"5", b'{"content":3}', b'{"content":[{"token":"a","logprob":null}]}', b'{"content":[null]}']
)
def test_what_cannot_be_read_is_left_out(format_: Format, logprobs: bytes) -> None:
    raw = msgspec.Raw(logprobs)
    client, about = CLIENTS[format_], asked(Conversation(format=format_, messages=()))
    choice = Choice(parts=(Text(text="said"),), finish=Finish.STOP, logprobs=raw)
    assert "said" in client.text(
        client.write_answer(Reply(id="i", model="m", choices=(choice,)), about, Losses())
    )
    writer = client.stream_writer(about)
    stream = writer.write([TextDelta("said", 0, raw), Ended(Finish.STOP)]) + writer.end()
    assert stream


def test_those_of_a_refusal_do_not_stand_in_the_way() -> None:
    token = b'{"token":"a","logprob":-1.0,"bytes":[97],"top_logprobs":[]}'
    assert chosen_in(msgspec.Raw(b'{"content":[%b],"refusal":[%b]}' % (token, token))) == [
        Chosen("a", -1.0, [97])
    ]
