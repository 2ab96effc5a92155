"""docs/cli.md is what the commands say."""

from tests.support.processes import ROOT

from fastgate.cli.reference import render


def test_the_document_is_up_to_date() -> None:
    assert (ROOT / "docs" / "cli.md").read_text() == render(), (
        "run `python -m fastgate.cli.reference > docs/cli.md`"
    )


def test_every_command_and_option_says_what_it_does() -> None:
    for line in render().splitlines():
        assert "None" not in line
        assert not line.endswith("|  |")
