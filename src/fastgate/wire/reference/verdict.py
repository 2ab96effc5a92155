"""How a feature fared in a translation."""

from base64 import b64encode
from enum import StrEnum
from typing import Any, Final

from fastgate.domain.conversation import Source


class Verdict(StrEnum):
    YES = "yes"
    EMULATED = "emulated"  # by other means, or in other words
    PARTLY = "in part"  # some of it is said, and what is not is named
    DROPPED = "dropped"  # not said, and named
    REFUSED = "refused"
    UNSAYABLE = "-"
    SILENT = "LOST"  # not said, and nobody is told: must not be


_SOURCE: Final = frozenset(Source.__struct_fields__)
_UNSAID: Final[tuple[Any, ...]] = (None, "", [], {}, False)


def covers(got: Any, wanted: Any) -> bool:
    """Whether all that `wanted` says is said by `got`, which may say more."""
    if isinstance(wanted, dict):
        return isinstance(got, dict) and all(
            value in _UNSAID or covers(got.get(name), value) for name, value in wanted.items()
        )
    if isinstance(wanted, list):
        return isinstance(got, list) and len(got) == len(wanted) and all(map(covers, got, wanted))
    return bool(got == wanted)


def comparable(value: Any) -> Any:
    """Without what the same thing may be said by in more than one way: types of media that one can see, text
    as text or in base64, what a schema is called, and whose a result is beside its id."""
    if isinstance(value, list):
        return [comparable(each) for each in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == _SOURCE:
        data = value["data"] or (b64encode(value["text"].encode()).decode() if value["text"] else None)
        return {"data": data, "url": value["url"], "file_id": value["file_id"]}
    if "schema" in value:
        return {"schema": value["schema"]}
    ignored = ("format", "name") if "is_error" in value else ("format",)
    return {name: comparable(each) for name, each in value.items() if name not in ignored}
