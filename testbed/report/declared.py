"""What a report says of a run besides its numbers: its networks, its conditions, and what was expected of it.

Recorded as values beside the run, so that a report needs no scenario: loading one runs the Python of its
topology, and a run directory may be anybody's. Nothing here imports or executes what a run directory holds.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from testbed.applications.quantity import Expectation, Reference
from testbed.applications.script import Scenario
from testbed.errors import ScenarioError
from testbed.model.base import FROM_TEXT
from testbed.model.network import Network
from testbed.record import checksums
from testbed.record.atomic import explained, replacing
from testbed.record.run_directory import RunDirectory
from testbed.report.words import conditions
from testbed.scenario.compose import compose
from testbed.scenario.network_faults import name_faults
from testbed.scenario.shape import Demands

FORMAT = 1


class _Recorded(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DeclaredVariant(_Recorded):
    """A variant: which of the networks it ran on, and what was declared for it, as (what, how)."""

    network: int
    conditions: tuple[tuple[str, str], ...]
    has_sessions: bool


class Declared(_Recorded):
    """What was declared for a run. Variants with equal networks share one.

    A run of a version that did not record this has no networks and no conditions; only what was expected of
    it can be read from its scenario.
    """

    format: Literal[1] = 1
    networks: tuple[Network, ...] = ()
    variants: dict[str, DeclaredVariant] = {}
    expectations: tuple[Expectation, ...] = ()
    references: tuple[Reference, ...] = ()
    has_sessions: bool = False

    @classmethod
    def of(
        cls,
        scenarios: Mapping[str, Scenario],
        networks: Mapping[str, Network],
        expectations: Iterable[Expectation],
        references: Iterable[Reference],
    ) -> "Declared":
        """Of checked values; scenarios and networks by variant."""
        different: list[Network] = []
        variants = {}
        for variant, scenario in scenarios.items():
            if networks[variant] not in different:
                different.append(networks[variant])
            variants[variant] = DeclaredVariant(
                network=different.index(networks[variant]),
                conditions=tuple(conditions(scenario)),
                has_sessions=bool(scenario.sessions),
            )
        return cls(
            networks=tuple(different),
            variants=variants,
            expectations=tuple(expectations),
            references=tuple(references),
            has_sessions=any(each.has_sessions for each in variants.values()),
        )

    def network_of(self, variant: str) -> Network | None:
        """The network of a variant; None if it was not recorded."""
        found = self.variants.get(variant)
        return None if found is None else self.networks[found.network]

    def write(self, run: RunDirectory) -> None:
        """Record it in a run directory.

        Raises:
            ScenarioError: The run directory cannot be written.
        """
        text = self.model_dump_json(by_alias=True, exclude_defaults=False)
        with replacing(run.declared_path) as draft:
            draft.write_text(text + "\n", encoding="utf-8", errors="backslashreplace")
        checksums.renew(run.path, run.declared_path.name)


def read(run: RunDirectory) -> Declared:
    """What was declared for a run.

    Raises:
        ScenarioError: It is damaged, or of a later version of the testbed.
    """
    path = run.declared_path
    if not path.is_file():
        return _of_an_earlier_version(run)
    with explained("read", path):
        content = path.read_bytes()
    try:
        found = json.loads(content)
        if isinstance(found, dict) and found.get("format") != FORMAT:
            raise ScenarioError(
                f"{path} has the format {found.get('format')!r}, and this version of the testbed reads "
                f"{FORMAT}; use the version that made the run"
            )
        declared = Declared.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        at = ".".join(map(str, first["loc"]))
        raise ScenarioError(f"{path} is damaged: {at}: {first['msg']}") from error
    except ValueError as error:
        raise ScenarioError(f"{path} is damaged: {error}") from error
    if fault := _fault(declared):
        raise ScenarioError(f"{path} is damaged: {fault}")
    return declared


def _fault(declared: Declared) -> str | None:
    """What cannot be of values that fit one by one."""
    for name, variant in declared.variants.items():
        if not 0 <= variant.network < len(declared.networks):
            return f"variant {name!r} has network {variant.network}, and there are {len(declared.networks)}"
    faults = (message for network in declared.networks for _, message in name_faults(network))
    return next(faults, None)


def _of_an_earlier_version(run: RunDirectory) -> Declared:
    """What the text of the scenario says by itself: expectations, references, and whether it has sessions."""
    path = run.scenario_path
    if not path.is_file():
        raise ScenarioError(f"{run.path} is not a run directory: it has no {path.name}")
    with explained("read", path):
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise ScenarioError(f"{path} is damaged: it is not UTF-8 text") from error
    root = compose(text, str(path))
    members = root.members
    wanted = {key: members[key].plain() for key in ("expect", "references") if key in members}
    try:
        demands = Demands.model_validate_json(
            json.dumps(wanted), strict=True, context=FROM_TEXT, by_alias=True, by_name=False
        )
    except ValidationError as error:
        raise ScenarioError(f"{path} is damaged: {error.errors()[0]['msg']}") from error
    variants = [*members["variants"].members.values()] if "variants" in members else []
    parts = [members, *(each.members for each in variants)]
    return Declared(
        expectations=demands.expect,
        references=demands.references,
        has_sessions=any("sessions" in part for part in parts),
    )
