"""The text encoder that the settings name."""

from functools import cache
from pathlib import Path

from models.text_encoder import TextEncoder
from worker.errors import ConfigurationError
from worker.settings import ExpertSettings


def open_text_encoder(settings: ExpertSettings) -> TextEncoder | None:
    """The encoder; None = none is asked for. Raises ConfigurationError."""
    return _open(settings.text_encoder) if settings.content and settings.text_encoder else None


@cache
def _open(folder: Path) -> TextEncoder:
    """Once a process: loading takes seconds."""
    if not (folder / "modules.json").is_file():
        raise ConfigurationError(
            f"setting experts.text_encoder: there is no model in {folder}",
            "name the folder of a model that sentence-transformers saved; it has a file modules.json",
        )
    try:
        from worker.adapters.sentence_encoder import SentenceEncoder  # the optional extra `text`
    except ImportError as error:
        raise ConfigurationError(
            f"setting experts.text_encoder: sentence-transformers is not installed: {error}",
            "pip install 'millrace[text]'",
        ) from error
    try:
        return SentenceEncoder(folder)
    except (OSError, ValueError, KeyError) as error:
        raise ConfigurationError(
            f"setting experts.text_encoder: the model in {folder} cannot be read: {error}",
            "save it again by this version of sentence-transformers",
        ) from error
