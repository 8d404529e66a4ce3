"""Anthropic's Messages API through its SDK: structured output in the native form, the instructions cached."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from e2i_shared.llm.model import Reply, Usage
from e2i_shared.llm.wire import SdkProvider, malformed

if TYPE_CHECKING:
    from e2i_shared.api.common import Json
    from e2i_shared.llm.model import Prompt


class Anthropic(SdkProvider):
    """One of its models."""

    __slots__ = ()
    name = "anthropic"

    async def _create(self, prompt: Prompt, schema: Json, max_tokens: int, seconds: float) -> Reply:
        import anthropic

        async with anthropic.AsyncAnthropic(**self._client_options(seconds)) as client:
            message: Any = await client.messages.create(
                model=self.model,
                max_tokens=max_tokens,
                system=[{"type": "text", "text": prompt.system, "cache_control": {"type": "ephemeral"}}],
                messages=[{"role": "user", "content": prompt.user}],
                output_config={"format": {"type": "json_schema", "schema": anthropic.transform_schema(schema)}},
            )
        return _reply(message)


def _reply(message: Any) -> Reply:
    """Read the reply; an SDK object of another protocol's body has every field None and raises nothing."""
    if message.content is None or message.stop_reason is None:
        raise malformed("anthropic", "content")
    text = "".join(block.text for block in message.content if block.type == "text")
    stops = {"max_tokens": "length", "refusal": "refusal", "model_context_window_exceeded": "length"}
    return Reply(text, _usage(message.usage), stops.get(message.stop_reason, "end"), message.id)  # type: ignore[arg-type]  # the three stops


def _usage(usage: Any) -> Usage | None:
    """Return the tokens: the three input counts add up, thinking is part of the output."""
    if usage is None or usage.input_tokens is None or usage.output_tokens is None:
        return None
    written = usage.cache_creation_input_tokens or 0
    long = (usage.cache_creation.ephemeral_1h_input_tokens or 0) if usage.cache_creation else 0
    details = getattr(usage, "output_tokens_details", None)
    return Usage(
        fresh=usage.input_tokens,
        out=usage.output_tokens,
        cache_read=usage.cache_read_input_tokens or 0,
        cache_write_short=written - long,
        cache_write_long=long,
        reasoning=(getattr(details, "thinking_tokens", 0) or 0) if details else 0,
    )
