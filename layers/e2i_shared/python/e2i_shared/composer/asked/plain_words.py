"""Words that a part of a question may hold though the question does not: grammar, and terms of analysis that name nothing in any data."""

from __future__ import annotations

from e2i_shared.composer.words import tokenize

_GRAMMAR = """
a an and any are as at be been by can could did do does each for from given had has have how if in is it its many more most much of on
or our should some such than that the their them then there these they this those to under was were what when where whether which who
whose why will with would
"""
_ANALYSIS = """
answer average amount baseline based best biggest cause caused change changed compare compared comparison confidence confirm contribute
detect determine difference differ driver drove effect estimate estimated evidence expected experiment explain factor find first forecast
gap group groups heterogeneity high higher highest impact improve increase decrease influence interval large larger largest low lower
lowest measure needed number observed outcome overall power raise rank ranked reason reduce relationship required respond
responded responders response responsive result return reliable robust same sample second segment segments significant size small
smallest test total trend true value vary
"""
_STEMS = frozenset(token.stem for token in tokenize(f"{_GRAMMAR} {_ANALYSIS}"))


def foreign_words(text: str, known: str) -> list[str]:
    """Return the words of a text that neither what is known holds nor every question about data may."""
    said = {token.stem for token in tokenize(known)} | _STEMS
    return sorted({token.text for token in tokenize(text) if token.stem not in said})
