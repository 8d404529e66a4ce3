"""Functions that serve more than HTTP: an event is told apart by a key that only its kind holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from e2i_shared.errors import MalformedRequestError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Event = dict[str, Any]
    Handler = Callable[[Event, Any], Event]


def by_kind(handlers: Mapping[str, Handler]) -> Handler:
    """Return a handler that passes an event to the first handler whose key the event holds."""

    def handle(event: Event, context: Any) -> Event:
        for key, handler in handlers.items():
            if key in event:
                return handler(event, context)
        raise MalformedRequestError("The event is of no known kind.", expected=f"one of {', '.join(handlers)}")

    return handle
