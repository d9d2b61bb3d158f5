"""Inference services: a model on a node, and the clients that send it prompts from the homes."""

from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from testbed.applications.inference.decoding import DECODE_TABLES, DecodePoint, DecodeTable, Tokens
from testbed.applications.kind import Kind, Section
from testbed.model.base import DOWNSTREAM, Duration, FieldError, InputFile, Name, Size
from testbed.model.job import Job
from testbed.model.measure import Measure, Statistic, Unit
from testbed.model.span import Span
from testbed.text import instead


class Batching(StrEnum):
    """When a request may join others in decoding: at the next step, or when all before it are done."""

    CONTINUOUS = "continuous"
    STATIC = "static"


class RequestArrivals(StrEnum):
    """When requests come: evenly, as a Poisson process, in bursts, or as in a trace."""

    CONSTANT = "constant"
    POISSON = "poisson"
    BURSTY = "bursty"
    TRACE = "trace"


class Clients(Span):
    """Requests from one host: how often, and how long their prompts and answers are.

    `interval` is the mean between two requests. Bursts have a coefficient of variation of `burstiness`
    (gamma-distributed intervals). A `trace` is a file in the format of Azure's LLM inference traces of 2023
    and 2024, of BurstGPT or of Mooncake; its first request comes at `starts`, and it has the lengths, too.
    """

    host: Name
    """A host of a home, such as `home1`."""
    starts_at_ns: Duration = Field(alias="starts")
    """Not before the service."""
    ends_at_ns: Duration = Field(alias="ends")
    """Not after the service; requests come before it."""
    arrivals: RequestArrivals = RequestArrivals.POISSON
    """Evenly, at random, in bursts, or as in a file."""
    interval_ns: Annotated[Duration, Field(ge=100_000)] | None = None
    """The mean from request to request; required but for a trace."""
    burstiness: Annotated[float, Field(ge=0.01, le=100)] | None = None
    """With `bursty`: the coefficient of variation of the intervals, gamma-distributed; 1 is a Poisson
    process."""
    trace: InputFile | None = None
    """With `trace`: a file in the format of Azure's LLM inference traces of 2023 and 2024, of BurstGPT or of
    Mooncake, counted from the scenario's folder."""
    prompt_tokens: Tokens = 1024
    """Of each prompt; a trace has its own."""
    output_tokens: Tokens = 256
    """Of each answer; a trace has its own."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.burstiness is None) != (self.arrivals is not RequestArrivals.BURSTY):
            raise FieldError("burstiness", "goes with arrivals: bursty, and that with a burstiness")
        traced = self.arrivals is RequestArrivals.TRACE
        if (self.trace is not None) != traced:
            raise FieldError("trace", "goes with arrivals: trace, and that with a trace")
        if (self.interval_ns is None) != traced:
            raise FieldError("interval", "is missing" if self.interval_ns is None else "is the trace's own")
        if traced and self.model_fields_set & {"prompt_tokens", "output_tokens"}:
            key = min(self.model_fields_set & {"prompt_tokens", "output_tokens"})
            raise FieldError(key, "is the trace's own")
        return self


def _points(value: Any) -> Any:
    """The points of a table that is given by its name; a list of points as the tuple that it is to be."""
    if not isinstance(value, str):
        return tuple(value) if isinstance(value, list) else value
    if value not in DECODE_TABLES:
        raise ValueError(f"there is no table {value!r}; {instead(value, DECODE_TABLES)}")
    return DECODE_TABLES[value]


_Points = Annotated[tuple[DecodePoint, ...], Field(min_length=1)]
Decode = Annotated[
    _Points, BeforeValidator(_points, json_schema_input_type=_Points | Literal["cloudmatrix384"])
]
"""Points, or the name of a published table."""


class Service(Span):
    """A model that answers prompts, on the node that its job is given.

    Prompts wait for prefill, which works at `prefill_rate` tokens a second and gives the first token; then a
    request joins the decode batch, of at most `batch`. A step gives every request of the batch one token and
    takes as long as `decode` says. With `experts`, the exchange that these make in the fabric, once for each
    of the model's `exchange_layers`, takes the place of the share `exchange_share` of a step.
    """

    job: Job
    """What it needs of a node."""
    starts_at_ns: Duration = Field(alias="starts")
    """From when it answers."""
    batching: Batching = Batching.CONTINUOUS
    """`continuous`: a request joins the batch at the next step with room. `static`: a batch is those who wait
    when the one before is done, and lasts as long as its longest answer."""
    batch: Annotated[int, Field(ge=1, le=10_000)] = 96
    """The most requests that decode together."""
    prefill_rate: Annotated[int, Field(ge=1, le=1_000_000_000)] = 5_655
    """Tokens a second; the default is an NPU of CloudMatrix384, 6688 with perfect balance of experts (arXiv
    2506.12708)."""
    decode: Decode
    """How long a step takes; the name stands for the five published rows (arXiv 2506.12708)."""
    token_bytes: Annotated[Size, Field(ge=1, le=1000)] = 4
    """Of one token in a message, beside 16 B a prompt and 12 B a token."""
    experts: Name | None = None
    """Of `experts`: what their exchange takes, as measured, takes the place of its share of a step."""
    exchange_share: Annotated[float, Field(ge=0, lt=1)] = 0.5
    """The share of a step in the table that is the exchange of experts; about half (arXiv 2506.12708)."""
    exchange_layers: Annotated[int, Field(ge=1, le=1000)] = 58
    """How many exchanges a step has: one in each layer with experts, of which DeepSeek-R1 has 58."""
    clients: dict[Name, Clients] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        try:
            DecodeTable(self.decode)
        except FieldError as error:
            raise FieldError(("decode", *error.keys), str(error)) from error
        return self


class Services(Section):
    """Keys of a scenario file."""

    services: dict[Name, Service] = Field(default_factory=dict)
    """Inference services and their clients."""


MEASURES = (
    Measure(
        name="first_token",
        key="first_tokens",
        meaning="Of a service's clients: from a prompt sent by the client to the first token at the client.",
        direction=DOWNSTREAM,
    ),
    Measure(
        name="token",
        key="tokens",
        meaning="Of a service's clients: between two tokens of one answer, as they arrive.",
        direction=DOWNSTREAM,
    ),
    Measure(
        name="answer",
        key="answers",
        meaning="Of a service's clients: from a prompt to the last token of its answer.",
        direction=DOWNSTREAM,
    ),
    Measure(
        name="service",
        key="services",
        meaning="A service as a whole.",
        statistics=("utilisation", "saturation", "token_rate"),
        undirected="a service has no direction",
    ),
)
STATISTICS = (
    Statistic(
        name="utilisation",
        kind=Unit.SHARE,
        meaning=(
            "Of its time, that in which the service computed: a prompt was in prefill or a step was under "
            "way."
        ),
    ),
    Statistic(
        name="saturation",
        kind=Unit.SHARE,
        meaning=(
            "What the tokens that a service decoded take in batches of the best size, of its time: how "
            "much it decoded of what it could have. Prefill is not part of it."
        ),
    ),
    Statistic(name="token_rate", kind=Unit.COUNT, meaning="Tokens a second, over the service's time."),
)

KIND = Kind(section=Services, measures=MEASURES, statistics=STATISTICS)
