"""A root file system to try things in where there is no engine: this machine's, or another, copied on write.

Needs root and Linux's namespaces. Nothing that is written in it stays, but what goes to a bound directory.
"""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

# Hidden for the processes inside the namespace, and for no other.
_SITE: Final = Path("/mnt")
_INSIDE: Final = _SITE / "root"
_BARE: Final = ("unshare", "--mount", "--fork", "--pid", "--kill-child", "--mount-proc")


class Bind(NamedTuple):
    """A directory outside, and where it is inside."""

    source: Path
    target: str
    writable: bool = False


class Sandbox(NamedTuple):
    """`lower` is the root file system that it begins as."""

    lower: Path
    binds: Sequence[Bind] = ()

    def command(
        self,
        setup: Sequence[str],
        command: Sequence[str],
        *,
        read_only: bool = False,
        user: str | None = None,
    ) -> list[str]:
        """A command line. It runs the commands of `setup` inside, as root, then becomes `command`, process 1.

        With `read_only` nothing but the writable binds can be written to any more. `user` is UID:GID; it has
        no capability and gets none.
        """
        inside = str(_INSIDE)
        layers = shlex.quote(f"lowerdir={self.lower},upperdir={_SITE}/upper,workdir={_SITE}/work")
        script = [
            "set -eu",
            f"mount -t tmpfs sandbox {_SITE}",
            f"mkdir {_SITE}/upper {_SITE}/work {inside}",
            f"mount -t overlay overlay -o {layers} {inside}",
            f"mount -t proc proc {inside}/proc",
            f"mount --rbind /dev {inside}/dev",
        ]
        for bind in self.binds:
            source, target = shlex.quote(str(bind.source)), shlex.quote(inside + bind.target)
            script += [f"mkdir -p {target}", f"mount --bind {source} {target}"]
            if not bind.writable:
                script.append(f"mount -o remount,bind,ro {target}")
        script += [f"chroot {inside} {line}" for line in setup]
        if read_only:
            script.append(f"mount -o remount,ro {inside}")
        script.append(f"exec chroot {inside} {shlex.join([*_as_user(user), *command])}")
        return [*_BARE, "sh", "-c", "\n".join(script)]


def _as_user(user: str | None) -> list[str]:
    if user is None:
        return []
    uid, gid = user.split(":")
    return [
        "setpriv",
        f"--reuid={uid}",
        f"--regid={gid}",
        "--clear-groups",
        "--bounding-set=-all",
        "--inh-caps=-all",
        "--no-new-privs",
    ]
