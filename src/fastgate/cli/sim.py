"""`fastgate sim`: the simulated provider, as a target for trying things and for load."""

from typing import Annotated

import typer


def sim(
    *,
    host: Annotated[str | None, typer.Option(help="Address to listen on. Default 127.0.0.1.")] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Port; 0 takes a free one and prints it. Default 8090."),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, max=64, help="Processes; each keeps its own stored responses. Default 1."),
    ] = None,
    ttft_ms: Annotated[
        float | None, typer.Option(min=0, help="Time to the first token, in milliseconds. Default 0.")
    ] = None,
    tokens_per_s: Annotated[
        float | None,
        typer.Option(min=0, help="Speed of the answer after the first token; 0: no delay. Default 0."),
    ] = None,
    tokens: Annotated[
        int | None, typer.Option(min=1, max=100_000, help="Length of an answer, in tokens. Default 32.")
    ] = None,
    jitter: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Share by which each delay varies, at random. Default 0."),
    ] = None,
    error_rate: Annotated[
        float | None, typer.Option(min=0, max=1, help="Share answered with 500. Default 0.")
    ] = None,
    rate_limit_rate: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Share answered with 429 and Retry-After. Default 0."),
    ] = None,
    cut_rate: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="Share whose connection is cut in the middle of the answer. Default 0.",
        ),
    ] = None,
    stall_rate: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Share that falls silent in the middle and never ends. Default 0."),
    ] = None,
    retry_after_s: Annotated[
        float | None, typer.Option(min=0, help="Retry-After of a 429, in seconds. Default 1.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of everything random. Default 0.")] = None,
    models: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,NAME",
            help="Models served, others get 404; none given: any name is served.",
        ),
    ] = None,
    key: Annotated[str | None, typer.Option(help="Bearer token to require; default: none needed.")] = None,
) -> int:
    """Run a simulated OpenAI-compatible provider. Its answers are made up."""
    from msgspec import convert

    from fastgate.sim.options import SimOptions
    from fastgate.sim.run import serve

    given = {
        "host": host,
        "port": port,
        "workers": workers,
        "ttft_ms": ttft_ms,
        "tokens_per_s": tokens_per_s,
        "tokens": tokens,
        "jitter": jitter,
        "error_rate": error_rate,
        "rate_limit_rate": rate_limit_rate,
        "cut_rate": cut_rate,
        "stall_rate": stall_rate,
        "retry_after_s": retry_after_s,
        "seed": seed,
        "models": None if models is None else [name for name in models.split(",") if name],
        "key": key,
    }
    return serve(convert({name: value for name, value in given.items() if value is not None}, SimOptions))
