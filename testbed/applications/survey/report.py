"""What a report says of the survey."""

from collections.abc import Iterator

from testbed.applications.application import Report
from testbed.applications.script import Script
from testbed.applications.survey.model import Survey, Surveys
from testbed.units import DURATION, SIZE


class SurveyReport(Report):
    """Of the key `survey`."""

    def conditions(self, script: Script) -> Iterator[tuple[str, str]]:
        """How delays are measured."""
        survey = Surveys.of(script).survey
        if survey is not None:
            yield "survey", _survey(survey)


def _survey(survey: Survey) -> str:
    packets = f"{SIZE.format(survey.size_bytes)} each way every {DURATION.format(survey.interval_ns)}"
    return f"{packets}; placement goes by the median of the last {survey.window}"


PART = SurveyReport()
