"""What the control socket answers: the contract of `fastgate reload` and `fastgate status`."""

import msgspec

from fastgate.config.diagnostics import Diagnostic


class ReloadResult(msgspec.Struct, frozen=True, kw_only=True):
    """`ok` false: nothing was changed, `diagnostics` say why. `restart_needed` names the settings that
    have changed in the file and take effect only when the gateway is started again. `behind` names the
    workers that have not taken the generation after some seconds: their log lines say why."""

    ok: bool
    generation: int
    diagnostics: tuple[Diagnostic, ...] = ()
    restart_needed: tuple[str, ...] = ()
    behind: tuple[str, ...] = ()


class ProcessStatus(msgspec.Struct, frozen=True, kw_only=True):
    """`pid` 0: not running at the moment. `rss_bytes` 0: not known. `generation` is of the configuration
    that a worker runs on; 0: none yet, or no worker."""

    name: str
    pid: int
    restarts: int
    uptime_s: float
    rss_bytes: int
    generation: int = 0


class DeploymentStatus(msgspec.Struct, frozen=True, kw_only=True):
    """`breaker` is `closed`, `open` or `half_open`; a cooldown of 0 is none; latency 0: not measured."""

    id: str
    provider: str
    breaker: str
    cooldown_s: float
    in_flight: int
    latency_ms: float


class CredentialStatus(msgspec.Struct, frozen=True, kw_only=True):
    """`state` is `ok`, `cooling_down` (at one deployment at least), `rejected`, or `no_secret`: its login has
    given none that is still good. `login_failure` is why the last login failed; "" where it did not."""

    provider: str
    id: str
    state: str
    cooldown_s: float
    login_failure: str = ""


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """`pid` is the supervisor's. `deployments` are those that have been used or are out of use."""

    version: str
    pid: int
    generation: int
    uptime_s: float
    in_flight: int
    processes: tuple[ProcessStatus, ...]
    deployments: tuple[DeploymentStatus, ...]
    credentials: tuple[CredentialStatus, ...]
    last_reload: ReloadResult | None = None
