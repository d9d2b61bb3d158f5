"""Showing how far a long step has come: one moving line on a terminal, a line every tenth in a log."""

import sys
from collections.abc import Callable
from typing import TextIO

ShowStep = Callable[[str, float | None], None]
"""Called with what is being done and the fraction of it that is (0 to 1; None if that is unknown)."""


class StepPrinter:
    """A ShowStep that writes to a stream and suits what is at its other end."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._on_terminal = self._stream.isatty()
        self._text = ""
        self._shown_tenth = -1
        self._open_line = False

    def __call__(self, text: str, fraction: float | None = None) -> None:
        if text != self._text:
            self.end()
            self._text, self._shown_tenth = text, -1
        percent = "" if fraction is None else f" {min(fraction, 1.0):4.0%}"
        if self._on_terminal:
            self._stream.write(f"\r\x1b[K{text}{percent}")
            self._open_line = True
        else:
            tenth = 0 if fraction is None else int(fraction * 10)
            if tenth == self._shown_tenth:
                return
            self._shown_tenth = tenth
            self._stream.write(f"{text}{percent}\n")
        self._stream.flush()

    def end(self) -> None:
        """Close the moving line, so that whatever is printed next starts on its own."""
        if self._open_line:
            self._stream.write("\n")
            self._stream.flush()
            self._open_line = False
