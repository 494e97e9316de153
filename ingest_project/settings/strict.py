"""The ways of all models of ingest.yaml."""

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """A model that refuses keys it does not know, and turns no type into another.

    An error never repeats the input, for it may be secret.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)
