"""What the groups of settings have in common."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_settings import NoDecode


class Section(BaseModel):
    """A group of settings: frozen, and strict about names."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )


def _texts(value: Any) -> Any:
    """Flags and variables separate texts by commas."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(gt=0)]
Texts = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], NoDecode, BeforeValidator(_texts)]
