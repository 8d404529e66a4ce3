"""A function of a single route: JSON in, one call, JSON out, without a router to import or to walk.

It refuses what Powertools' resolver refuses, in the same words, and spares a cold start its 200 ms of imports.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from e2i_shared.errors import NotFoundError
from e2i_shared.http import caller, problems, text
from e2i_shared.http.permissions import V1

if TYPE_CHECKING:
    from collections.abc import Callable


class OneRoute:
    """Serves one method and path (without the API's base path): the body is validated and handed to a function.

    Parameters
    ----------
    method, path
        Where the route is.
    model
        The body's model.
    answer
        Takes the body, returns the reply's model.
    """

    def __init__(self, method: str, path: str, model: type[BaseModel], answer: Callable[[Any], BaseModel]) -> None:
        self.method = method
        self.path = f"{V1}{path}"
        self._model = model
        self._answer = answer

    def resolve(self, event: dict[str, Any], _context: Any) -> dict[str, Any]:
        """Return a payload 2.0 reply; every failure of the call becomes a problem."""
        try:
            reply = self._answer(self._body(event))
        except Exception as error:  # noqa: BLE001 - as Powertools' resolver does: what the call raises becomes a problem
            return problems.to_reply(error, caller.current().correlation_id)
        return {
            "statusCode": HTTPStatus.OK.value,
            "headers": {"Content-Type": "application/json"},
            "body": reply.model_dump_json(by_alias=True),
            "isBase64Encoded": False,
        }

    def _body(self, event: dict[str, Any]) -> BaseModel:
        """Return the validated body; raise InvalidRequestError where it does not fit the model."""
        if (event["requestContext"]["http"]["method"], event["rawPath"]) != (self.method, self.path):
            raise NotFoundError("There is nothing at this address.")
        given = text.loads(event["body"]) if event.get("body") else None
        if given is None:
            missing = {"type": "missing", "loc": ("body",), "msg": "Field required", "input": None}
            raise problems.InvalidRequestError([missing])
        try:
            return self._model.model_validate(given)
        except ValidationError as error:
            found = [each | {"loc": ("body", *each["loc"])} for each in error.errors(include_url=False)]
            raise problems.InvalidRequestError(found) from error
