"""OpenAI's Responses and Embeddings APIs through its SDK: strict structured output; its prompt cache works by itself."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from e2i_shared.llm.embedding import Vectors
from e2i_shared.llm.model import Reply, Usage
from e2i_shared.llm.wire import SdkModel, SdkProvider, malformed, within

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_shared.api.common import Json
    from e2i_shared.llm.model import Prompt


class OpenAI(SdkProvider):
    """One of its models."""

    __slots__ = ()
    name = "openai"

    async def _create(self, prompt: Prompt, schema: Json, max_tokens: int, seconds: float) -> Reply:
        import openai

        async with openai.AsyncOpenAI(**self._client_options(seconds)) as client:
            response: Any = await client.responses.create(
                model=self.model,
                instructions=prompt.system,
                input=prompt.user,
                max_output_tokens=max_tokens,
                text={"format": {"type": "json_schema", "strict": True, "name": "answer", "schema": schema}},
                prompt_cache_key=f"{prompt.name}-{prompt.version}",
                store=False,
            )
        return _reply(response)


class OpenAIEmbeddings(SdkModel):
    """One of its embedding models."""

    __slots__ = ()
    name = "openai"

    def embed(self, texts: Sequence[str], *, dimensions: int, seconds: float) -> Vectors:
        """Return one vector a text, in their order, within ``seconds`` in all; raise ProviderError."""
        import_module(self.name)  # takes seconds the first time, and would be of the deadline
        return within(self.name, seconds, lambda: self._embed(texts, dimensions, seconds))

    async def _embed(self, texts: Sequence[str], dimensions: int, seconds: float) -> Vectors:
        import openai

        async with openai.AsyncOpenAI(**self._client_options(seconds)) as client:
            made: Any = await client.embeddings.create(
                model=self.model, input=list(texts), dimensions=dimensions, encoding_format="float"
            )
        if not made.data or any(each.embedding is None or each.index is None for each in made.data):
            raise malformed(self.name, "data")
        ordered = sorted(made.data, key=lambda each: each.index)
        tokens = getattr(made.usage, "prompt_tokens", None)
        return Vectors([each.embedding for each in ordered], None if tokens is None else Usage(fresh=tokens, out=0))


def _reply(response: Any) -> Reply:
    """Read the reply; an SDK object of another protocol's body has every field None and raises nothing."""
    if not response.output or response.status is None:
        raise malformed("openai", "output")
    parts = [part for item in response.output if item.type == "message" for part in item.content or []]
    usage = _usage(response.usage)
    if any(part.type == "refusal" for part in parts):
        return Reply("", usage, "refusal", response.id)
    text = "".join(part.text for part in parts if part.type == "output_text")
    reason = response.incomplete_details.reason if response.incomplete_details else None
    if reason == "content_filter":
        return Reply(text, usage, "refusal", response.id)
    return Reply(text, usage, "length" if response.status == "incomplete" else "end", response.id)


def _usage(usage: Any) -> Usage | None:
    """Return the tokens: what was read from the cache or written to it is part of the input, reasoning of the output."""
    if usage is None or usage.input_tokens is None or usage.output_tokens is None:
        return None
    details, made = usage.input_tokens_details, usage.output_tokens_details
    read = (getattr(details, "cached_tokens", 0) or 0) if details else 0
    written = (getattr(details, "cache_write_tokens", 0) or 0) if details else 0
    return Usage(
        fresh=usage.input_tokens - read - written,
        out=usage.output_tokens,
        cache_read=read,
        cache_write_short=written,
        reasoning=(getattr(made, "reasoning_tokens", 0) or 0) if made else 0,
    )
