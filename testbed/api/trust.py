"""Which certificates sinks are believed by."""

import ssl

from testbed.api.settings import SinkRules
from testbed.errors import ScenarioError


def trust_of(rules: SinkRules) -> ssl.SSLContext | None:
    """The certificates of the rules' file; None stands for the usual ones.

    Raises:
        ScenarioError: The file cannot be read, or holds no certificates.
    """
    if rules.ca_file is None:
        return None
    try:
        return ssl.create_default_context(cafile=rules.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ScenarioError(f"cannot trust the certificates in {rules.ca_file}: {error}") from error
