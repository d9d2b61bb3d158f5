"""Logs as context managers: closed when their block is left, whatever the reason."""

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class Closing(ABC):
    """Something with a `close` that a `with` statement calls."""

    @abstractmethod
    def close(self) -> None:
        """Finish; doing so again changes nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
