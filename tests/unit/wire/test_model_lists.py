"""Lists of models are what each SDK's own types take."""

import msgspec
import pytest
from anthropic.types import ModelInfo
from openai.types import Model
from tests.support.discovery import faults

from fastgate.domain.format import Format
from fastgate.wire.model_lists import write_model, write_models

SHOWN = [("gpt-5", "openai"), ("claude-sonnet-4-6", "anthropic")]


@pytest.mark.parametrize(
    ("format_", "shape"), [(Format.CHAT, Model), (Format.MESSAGES, ModelInfo)], ids=["openai", "anthropic"]
)
def test_of_sdks_with_pages(format_: Format, shape: type[Model] | type[ModelInfo]) -> None:
    listed = msgspec.json.decode(write_models(format_, SHOWN))["data"]
    assert [shape.model_validate(each).id for each in listed] == [name for name, _ in SHOWN]
    assert shape.model_validate_json(write_model(format_, *SHOWN[0])).id == "gpt-5"


def test_of_gemini() -> None:
    listed = msgspec.json.decode(write_models(Format.GENERATE_CONTENT, SHOWN))
    assert faults("gemini", "ListModelsResponse", listed) == []
    assert [each["name"] for each in listed["models"]] == ["models/gpt-5", "models/claude-sonnet-4-6"]


def test_a_page_of_anthropics_tells_its_ends() -> None:
    page = msgspec.json.decode(write_models(Format.MESSAGES, SHOWN))
    assert (page["first_id"], page["last_id"], page["has_more"]) == ("gpt-5", "claude-sonnet-4-6", False)
    assert msgspec.json.decode(write_models(Format.MESSAGES, []))["first_id"] is None
