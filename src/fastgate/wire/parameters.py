"""`value; name=value; …`, as Content-Type and Content-Disposition have it (RFC 9110, 5.6.6), read strictly.

Parsers disagree on what breaks the grammar, and on which of two parameters of one name counts; whoever
passes such a header on lets the next parser see something else. So it is refused instead.
"""

import re
from typing import Final

_HEAD: Final = re.compile(rb"[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z/-]+)[ \t]*")
_PARAMETER: Final = re.compile(
    rb";[ \t]*(?:"
    rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+)="
    rb'(?:"((?:[^"\\\r\n\0]|\\[^\r\n\0])*)"|([!#$%&\'*+.^_`|~0-9A-Za-z-]+))'
    rb"[ \t]*)?"
)


def parse_parameters(header: bytes) -> tuple[bytes, dict[bytes, bytes]]:
    """The value and the parameters, all names in lower case; a quoted value still has its backslashes.

    ValueError: not of this form, or a parameter stands twice.
    """
    head = _HEAD.match(header)
    if head is None:
        raise ValueError("it has no value")
    parameters: dict[bytes, bytes] = {}
    at = head.end()
    while at < len(header):
        found = _PARAMETER.match(header, at)
        if found is None:
            raise ValueError(f"its parameters are broken at byte {at}")
        at = found.end()
        if found[1] is None:
            continue
        name = found[1].lower()
        if name in parameters:
            raise ValueError("a parameter stands twice")
        parameters[name] = found[3] if found[2] is None else found[2]
    return head[1].lower(), parameters
