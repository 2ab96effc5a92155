"""Images and audio: the smallest files that are what they claim to be."""

import base64
import struct
import zlib
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from fastgate.sim.forms import Form, parse_form
from fastgate.sim.reply import Reply, json_reply
from fastgate.sim.request import Request, converted, now_s
from fastgate.sim.usage import text_tokens

_TRANSCRIPT = "This is a simulated transcript from fastgate sim."
_IMAGE_TOKENS = 272
_SECOND_BYTES = 16_000  # of the file, taken as a second of audio
_SAMPLE_RATE = 8_000

ImageCount = Annotated[int, Meta(ge=1, le=10)]


class ImageBody(msgspec.Struct):
    prompt: str
    model: str = "fastgate-sim"
    n: ImageCount | None = 1


class SpeechBody(msgspec.Struct):
    model: str
    input: str
    voice: Any
    response_format: str | None = None


_image_decoder = msgspec.json.Decoder(ImageBody)
_speech_decoder = msgspec.json.Decoder(SpeechBody)


def images_generations(request: Request) -> Reply:
    body = request.decode(_image_decoder)
    request.check_model(body.model)
    return _images(body.prompt, body.n or 1, input_images=0)


def images_edits(request: Request) -> Reply:
    form = parse_form(request, "image")
    if "model" in form.fields:
        request.check_model(form.fields["model"])
    count = converted(form.fields.get("n", "1"), ImageCount, "n", strict=False)
    return _images(form.required("prompt"), count, input_images=1)


def audio_speech(request: Request) -> Reply:
    """Always WAV, whatever format was asked for: silence, 10 ms for each character."""
    body = request.decode(_speech_decoder)
    request.check_model(body.model)
    return Reply(body=_wav(80 * len(body.input)), content_type=b"audio/wav")


def audio_transcriptions(request: Request) -> Reply:
    form = parse_form(request, "file")
    request.check_model(form.required("model"))
    return _transcript(form, "transcribe")


def audio_translations(request: Request) -> Reply:
    form = parse_form(request, "file")
    request.check_model(form.required("model"))
    return _transcript(form, "translate")


def _images(prompt: str, count: int, input_images: int) -> Reply:
    text, images = text_tokens(prompt), input_images * _IMAGE_TOKENS
    output = count * _IMAGE_TOKENS
    usage = {
        "input_tokens": text + images,
        "input_tokens_details": {"text_tokens": text, "image_tokens": images},
        "output_tokens": output,
        "output_tokens_details": {"text_tokens": 0, "image_tokens": output},
        "total_tokens": text + images + output,
    }
    return json_reply(
        {
            "created": now_s(),
            "background": "opaque",
            "output_format": "png",
            "quality": "low",
            "size": "1024x1024",
            "data": [{"b64_json": _PNG}] * count,
            "usage": usage,
        }
    )


def _transcript(form: Form, task: str) -> Reply:
    size = form.file_sizes["file"]
    seconds = max(1, size // _SECOND_BYTES)
    format_ = form.fields.get("response_format", "json")
    duration = {"type": "duration", "seconds": seconds}
    if format_ == "verbose_json":
        segment = {
            "id": 0,
            "seek": 0,
            "start": 0.0,
            "end": float(seconds),
            "text": _TRANSCRIPT,
            "tokens": [0],
            "temperature": 0.0,
            "avg_logprob": -0.1,
            "compression_ratio": 1.0,
            "no_speech_prob": 0.0,
        }
        verbose = {"task": task, "language": "english", "duration": seconds, "text": _TRANSCRIPT}
        return json_reply({**verbose, "segments": [segment], "usage": duration})
    if format_ in {"text", "srt", "vtt"}:
        return Reply(body=f"{_TRANSCRIPT}\n".encode(), content_type=b"text/plain; charset=utf-8")
    if task == "translate":
        return json_reply({"text": _TRANSCRIPT})
    tokens = {"input_tokens": seconds * 10, "output_tokens": len(_TRANSCRIPT.split())}
    usage = {
        "type": "tokens",
        **tokens,
        "input_token_details": {"audio_tokens": seconds * 10, "text_tokens": 0},
        "total_tokens": sum(tokens.values()),
    }
    return json_reply({"text": _TRANSCRIPT, "usage": usage})


def _wav(samples: int) -> bytes:
    """Silence: mono, 8-bit PCM (RIFF WAVE)."""
    format_ = struct.pack("<HHIIHH", 1, 1, _SAMPLE_RATE, _SAMPLE_RATE, 1, 8)
    data = b"\x80" * (samples + samples % 2)
    chunks = b"WAVEfmt " + struct.pack("<I", len(format_)) + format_
    chunks += b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(chunks)) + chunks


def _png() -> str:
    """One grey pixel, base64 (PNG, ISO/IEC 15948)."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    pixel = chunk(b"IDAT", zlib.compress(b"\x00\x80"))
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + header + pixel + chunk(b"IEND", b"")).decode()


_PNG = _png()
