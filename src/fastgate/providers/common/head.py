"""The head of an upstream request: what the configuration gives is worked out once, the rest a request."""

from collections.abc import Sequence
from typing import Final
from urllib.parse import quote, urlsplit

from fastgate._version import __version__
from fastgate.providers.interface import Header, RequestPlan
from fastgate.upstream.head import HOP_BY_HOP, VISIBLE_ASCII, request_head
from fastgate.wire.pieces import Body

VENDORS: Final = (b"openai-", b"anthropic-", b"x-goog-", b"x-amz-", b"x-amzn-")
"""What the names of headers begin with that mean something to one vendor only."""

_FRAMING: Final = frozenset(b"\r\n\0")
_OWN_HEADERS: Final = HOP_BY_HOP | {b"content-type", b"content-length", b"expect"}


class HeadBuilder:
    """Builds the heads of one dialect. No header is sent twice: the configuration's win over the dialect's,
    and those over the client's."""

    def __init__(self, *own: bytes) -> None:
        """`own`: those of VENDORS that are this dialect's. The other vendors' headers stay here."""
        self._foreign = tuple(vendor for vendor in VENDORS if vendor not in own)

    def build(
        self,
        plan: RequestPlan,
        path: str,
        body: Body,
        *,
        prefix: str = "",
        query: str = "",
        extra: Sequence[Header] = (),
    ) -> bytes:
        """The target is the base URL, `prefix`, `path`, and `query` after the provider's own. `prefix` is
        cached: it may depend on the configuration and the model, and on nothing else of the client's. `extra`
        are headers of the dialect's own, with lower-case names. A secret that is a text is presented in the
        provider's `auth_header`; any other is up to `extra`.

        ValueError on anything that could split the request; it repeats no value.
        """
        key = (plan.method, prefix)
        start = plan.heads.get(key)
        if start is None:
            start = plan.heads[key] = _start(plan, prefix)
        fixed = plan.heads.get(())
        if fixed is None:
            fixed = plan.heads[()] = _configured(plan)
        taken = {plan.provider.auth_header.encode()}
        lines = [b"%b%b HTTP/1.1\r\n%b" % (start, _target_end(plan, path, query), fixed)]
        # Not among what is cached: access tokens are replaced.
        if isinstance(plan.secret, str):
            presented = _latin1(plan.provider.auth_prefix + plan.secret)
            lines.append(_line(plan.provider.auth_header.encode(), presented))
            extra = [header for header in extra if header[0] not in taken]
        if plan.content_type:
            lines.append(_line(b"content-type", plan.content_type))
        for name, value in extra:
            if not _stands_in(name, fixed):
                taken.add(name)
                lines.append(_line(name, value))
        for name, value in plan.headers:
            lower = name.lower()
            if not (
                lower in _OWN_HEADERS
                or lower in taken
                or lower.startswith(self._foreign)
                or _stands_in(lower, fixed)
            ):
                lines.append(_line(name, value))
        lines.append(b"content-length: %d\r\n\r\n" % len(body))
        return b"".join(lines)


def segment(name: str, safe: str = "") -> str:
    """A model's name, which may be a client's, as one segment of a path: it leads to no other one. ValueError
    for what is a step in a path."""
    if not name.strip("."):
        raise ValueError("a model's name that is a step in a path")
    return quote(name, safe=safe)


def target(plan: RequestPlan, path: str, *, prefix: str = "", query: str = "") -> bytes:
    """What `build` puts into the request line, for a signature."""
    return _base_path(plan) + prefix.encode("ascii") + _target_end(plan, path, query)


def host(plan: RequestPlan) -> bytes:
    """The Host header of `build`."""
    return urlsplit(plan.deployment.base_url).netloc.rpartition("@")[2].encode()


def _base_path(plan: RequestPlan) -> bytes:
    return urlsplit(plan.deployment.base_url).path.encode("ascii")


def _start(plan: RequestPlan, prefix: str) -> bytes:
    """The method and the part of the target that the configuration gives."""
    fixed = prefix.encode("ascii")
    if fixed.translate(None, VISIBLE_ASCII):
        raise ValueError("an invalid request target")
    return b"%b %b%b" % (plan.method, _base_path(plan), fixed)


def _target_end(plan: RequestPlan, path: str, query: str) -> bytes:
    """The part of the target that the request gives."""
    query = "&".join(part for part in (plan.provider.query, query) if part)
    end = (f"{path}?{query}" if query else path).encode("ascii")
    if end.translate(None, VISIBLE_ASCII) or not end.startswith((b"/", b":")):
        raise ValueError("an invalid request target")
    return end


def _configured(plan: RequestPlan) -> bytes:
    """Lines for all headers that the configuration gives, but the secret's."""
    provider = plan.provider
    headers: list[Header] = [
        (b"user-agent", b"fastgate/" + __version__.encode()),
        (b"accept", b"*/*"),
    ]
    headers += [(name.lower().encode(), _latin1(value)) for name, value in provider.headers]
    head = request_head(plan.method, _base_path(plan) or b"/", host(plan), headers, None)
    return head[head.index(b"\n") + 1 : -2]


def _latin1(value: str) -> bytes:
    try:
        return value.encode("latin-1")
    except UnicodeEncodeError:  # its message quotes a character of what may be a secret
        raise ValueError("a configured header or credential has characters beyond Latin-1") from None


def _stands_in(name: bytes, lines: bytes) -> bool:
    return b"\r\n%b: " % name in lines or lines.startswith(b"%b: " % name)


def _line(name: bytes, value: bytes) -> bytes:
    if not _FRAMING.isdisjoint(value):
        raise ValueError(f"the header {name.decode('latin-1')} has a line break")
    return b"%b: %b\r\n" % (name, value)
