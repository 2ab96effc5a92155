"""`fastgate bench`: how fast a gateway or a provider answers."""

from typing import Annotated

import typer

from fastgate.cli.errors import EXIT_FAILURE, EXIT_OK
from fastgate.cli.options import JsonOption, parse_lifetime

_REQUESTS = 100


def bench(
    url: Annotated[
        str,
        typer.Argument(
            metavar="URL",
            help="An OpenAI-compatible API up to its version; /v1 where the URL has no path.",
            show_default=False,
        ),
    ],
    *,
    model: Annotated[str, typer.Option(metavar="NAME", help="Model to ask.", show_default=False)],
    key_env: Annotated[
        str | None,
        typer.Option(metavar="VARIABLE", help="Environment variable with the key; default: none is sent."),
    ] = None,
    requests: Annotated[
        int | None,
        typer.Option(
            min=1, max=10_000_000, help=f"How many in all. Default {_REQUESTS}, or as --duration has it."
        ),
    ] = None,
    duration_s: Annotated[
        int | None,
        typer.Option(
            "--duration", metavar="TIME", parser=parse_lifetime, help="For how long, such as 30s or 5m."
        ),
    ] = None,
    connections: Annotated[
        int,
        typer.Option(min=1, max=10_000, help="How many ask at once, each again when answered. Default 8."),
    ] = 8,
    stream: Annotated[bool, typer.Option("--stream", help="Ask for streams, and time their chunks.")] = False,
    as_json: JsonOption = False,
) -> int:
    """Ask a gateway or a provider for short chat answers, and tell how fast they come.

    At a provider, or behind a gateway, they cost money. Exit code 1 if any call failed.
    """
    import uvloop

    from fastgate.cli.bench_load import Load, run
    from fastgate.cli.bench_report import as_object, show
    from fastgate.cli.bench_target import target
    from fastgate.cli.output import print_json

    at = target(url, model, key_env, stream=stream)
    if requests is None and duration_s is None:
        requests = _REQUESTS
    measured = uvloop.run(run(at, Load(connections=connections, requests=requests, duration_s=duration_s)))
    if as_json:
        print_json(as_object(measured))
    else:
        show(measured)
    return EXIT_FAILURE if measured.failures else EXIT_OK
