"""All contestants that the suite brings, in the order in which they take turns and stand in tables."""

from typing import Final

from benchmarks.suite.contestants.direct import DIRECT, NGINX
from benchmarks.suite.contestants.fastgate import BARE, EDGES, FASTGATE, GOVERNED
from benchmarks.suite.contestants.packaged import LITELLM, PORTKEY
from benchmarks.suite.contestants.reference import REFERENCE, REFERENCE_PLAIN

_ALL: Final = (
    DIRECT,
    NGINX,
    REFERENCE,
    REFERENCE_PLAIN,
    FASTGATE,
    GOVERNED,
    BARE,
    *EDGES,
    LITELLM,
    PORTKEY,
)
CONTESTANTS: Final = {contestant.name: contestant for contestant in _ALL}
