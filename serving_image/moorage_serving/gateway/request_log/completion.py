"""Puts the pieces of a streamed answer together again: what is cut by the end of a chunk cannot be redacted."""

from __future__ import annotations

from moorage_serving.gateway.usage import EVENT_END, parse_event

# Pieces of one text, by the key they have in a chunk.
JOINED = frozenset({"content", "reasoning", "reasoning_content", "refusal", "text", "arguments"})


def assemble(stream: bytes) -> dict[str, object]:
    """One document out of a stream's events, with whole texts; an event that is not complete is left out."""
    answer: dict[str, object] = {}
    choices: dict[int, dict[str, object]] = {}
    for event in EVENT_END.split(stream):
        document = parse_event(event) or {}
        for chunk in _objects(document.pop("choices", None)):
            _merge(choices.setdefault(_index(chunk), {}), chunk)
        answer |= {key: value for key, value in document.items() if value is not None}
    if choices:
        answer["choices"] = [choices[index] for index in sorted(choices)]
    return answer


def _merge(whole: dict[str, object], piece: dict[str, object]) -> None:
    """Add a chunk's piece: texts grow, objects and indexed lists (tool calls) merge, the rest is the last one's."""
    for key, value in piece.items():
        before = whole.get(key)
        if isinstance(value, dict):
            _merge_object(whole, key, before, value)
        elif isinstance(value, list) and value and all(isinstance(item, dict) and "index" in item for item in value):
            whole[key] = _merge_list(before if isinstance(before, list) else [], value)
        elif isinstance(before, str) and isinstance(value, str) and key in JOINED:
            whole[key] = before + value
        elif value is not None or key not in whole:
            whole[key] = value


def _merge_object(whole: dict[str, object], key: str, before: object, value: dict[str, object]) -> None:
    target: dict[str, object] = before if isinstance(before, dict) else {}
    _merge(target, value)
    whole[key] = target


def _merge_list(before: list[object], pieces: list[dict[str, object]]) -> list[object]:
    known = {_index(item): item for item in _objects(before)}
    for piece in pieces:
        _merge(known.setdefault(_index(piece), {}), piece)
    return [known[index] for index in sorted(known)]


def _index(piece: dict[str, object]) -> int:
    index = piece.get("index")
    return index if isinstance(index, int) else 0


def _objects(value: object) -> list[dict[str, object]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
