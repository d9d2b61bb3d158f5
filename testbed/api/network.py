"""What the API needs of the network: someone who takes orders and sends news of channels."""

from collections.abc import Callable
from typing import Protocol

from testbed.host.orders import News, Order


class NetworkPort(Protocol):
    """Takes orders for channels, and tells what becomes of them."""

    def order(self, order: Order) -> None:
        """Pass an order on. Its news may come before this returns, or at any time after.

        Raises:
            NotReadyError: The network is gone.
        """

    def on_news(self, listener: Callable[[News], None]) -> None:
        """Have all news told to a listener from now on."""
