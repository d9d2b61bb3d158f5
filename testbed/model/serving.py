"""Inference services: a model on a node, and the clients that send it prompts from the homes."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, model_validator

from testbed.model.base import Duration, FieldError, InputFile, Name, Size, Value
from testbed.model.job import Job
from testbed.units import DURATION

Tokens = Annotated[int, Field(ge=1, le=1_000_000)]


class DecodePoint(Value):
    """What is known of decoding: with so many requests in the batch, a token takes so long."""

    batch: Annotated[int, Field(ge=1)]
    tpot_ns: Annotated[Duration, Field(ge=1000)]


class RequestArrivals(StrEnum):
    """When requests come: evenly, as a Poisson process, in bursts, or as in a trace."""

    CONSTANT = "constant"
    POISSON = "poisson"
    BURSTY = "bursty"
    TRACE = "trace"


class Clients(Value):
    """Requests from one host: how often, and how long their prompts and answers are.

    `interval` is the mean between two requests. Bursts have a coefficient of variation of `burstiness`
    (gamma-distributed intervals). A `trace` is a CSV file in the format of the Azure LLM inference trace
    of 2023: TIMESTAMP, ContextTokens, GeneratedTokens; its first request comes at `starts`.
    """

    host: Name
    starts_at_ns: Duration = Field(alias="starts")
    ends_at_ns: Duration = Field(alias="ends")
    arrivals: RequestArrivals = RequestArrivals.POISSON
    interval_ns: Annotated[Duration, Field(ge=100_000)] | None = None
    burstiness: Annotated[float, Field(gt=0, le=100)] = 4.0
    trace: InputFile | None = None
    prompt_tokens: Tokens = 1024
    output_tokens: Tokens = 256

    @model_validator(mode="after")
    def _consistent(self) -> "Clients":
        if self.ends_at_ns <= self.starts_at_ns:
            raise FieldError("ends", f"is not after starts, at {DURATION.format(self.starts_at_ns)}")
        if (self.trace is not None) != (self.arrivals is RequestArrivals.TRACE):
            raise FieldError("trace", "goes with arrivals: trace, and that with a trace")
        if (self.interval_ns is None) != (self.arrivals is RequestArrivals.TRACE):
            raise FieldError("interval", "is missing" if self.interval_ns is None else "is the trace's own")
        return self


class Service(Value):
    """A model that answers prompts, on the node that its job is given.

    Prompts wait for prefill, one after another at `prefill_rate` tokens a second; then a request joins the
    decode batch, of at most `batch`, at the next step. A step gives every request of the batch one token and
    takes as long as `decode` says of the batch's size, straight lines between its points. With `experts`, the
    exchange that these make in the fabric takes the place of the share `exchange_share` of a step.
    """

    job: Job
    starts_at_ns: Duration = Field(alias="starts")
    ends_at_ns: Duration = Field(alias="ends")
    batch: Annotated[int, Field(ge=1, le=10_000)] = 96
    prefill_rate: Annotated[int, Field(ge=1)] = 5_655
    decode: Annotated[tuple[DecodePoint, ...], Field(min_length=1)]
    token_bytes: Annotated[Size, Field(ge=1, le=1000)] = 4
    experts: Name | None = None
    exchange_share: Annotated[float, Field(ge=0, lt=1)] = 0.5
    clients: dict[Name, Clients] = Field(default_factory=dict)
