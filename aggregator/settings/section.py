"""What every section of a configuration file is."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A mapping in a file; a key it does not know is a problem."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)
