from fastgate.config.owner_settings import VirtualKeySettings
from fastgate.config.provider_settings import ProviderSettings
from fastgate.config.settings import Settings
from fastgate.control.complete import complete
from fastgate.domain.dialect import DialectName
from fastgate.launch import Embedded

EMBEDDED = Embedded(simulated_url="http://127.0.0.1:1", simulated_models=("m",), key_hash="0" * 64)


def test_what_is_missing_is_filled_in() -> None:
    settings = complete(Settings(), EMBEDDED)
    assert settings.providers["simulated"].base_url == "http://127.0.0.1:1/v1"
    assert settings.providers["simulated"].models == ["m"]
    assert [(key.id, key.secret_hash) for key in settings.virtual_keys] == [("ready-made", "0" * 64)]


def test_what_is_configured_stays() -> None:
    given = Settings(
        providers={"mine": ProviderSettings(dialect=DialectName.OPENAI)},
        virtual_keys=[VirtualKeySettings(id="vk")],
    )
    assert complete(given, EMBEDDED) == given


def test_nothing_stands_in() -> None:
    assert complete(Settings(), Embedded()) == Settings()
