"""The frames of a session's video from a file of the user's, in place of the model's."""

from typing import Annotated

from pydantic import Field

from testbed.model.base import DOWNSTREAM, Direction, InputFile, Line, Value

Column = Annotated[Line, Field(min_length=1, max_length=100)]


class FrameTrace(Value):
    """Video as it was recorded: the sizes of its frames, and how long after one another they come.

    The first frame leaves as the session starts. Scenes are what the application says of its video, which a
    signalled channel goes by; they do not change the frames.
    """

    file: InputFile
    """A CSV file with the frames that go down to the player."""
    upstream: InputFile | None = None
    """Another one with those that come up; without it they are the model's, if scenes have any."""
    size: Column = "FS"
    """The column with a frame's bytes."""
    interval: Column = "IFI"
    """The column with the seconds from the frame before to this one."""
    repeats: bool = True
    """Whether the trace begins anew at its end; otherwise the video ends there."""

    def towards(self, direction: Direction) -> str | None:
        """The file with the frames in one direction; None if they are the model's."""
        return self.file if direction is DOWNSTREAM else self.upstream
