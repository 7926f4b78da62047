"""Asks a finetuned model for its answers, and for what else it gives them to, for a classifier. Needs openai."""

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import openai

from moorage.edge.intent_classifier import words_of
from moorage.edge.origin_request import MOST_QUESTION_CHARACTERS
from moorage.edge.question_pairs import Pair, Question

_RETRIES = 5
_OTHER_WAYS = (
    "Write {count} other ways to ask the question below, in its own language, one a line and nothing else. Use other "
    "words; keep what it asks for, and all names and numbers.\n\n{question}"
)
_BULLET = re.compile(r"^\s*(?:[-*•]|\d+[.)])\s+")


@dataclass(frozen=True)
class Teacher:
    """The model, behind an endpoint that speaks OpenAI's protocol."""

    client: openai.AsyncOpenAI
    model: str

    async def answer(self, question: str) -> str | None:
        """The likeliest one, whole: none for what is empty, what a limit has cut, and what the endpoint refuses."""
        try:
            completion = await self.client.chat.completions.create(
                model=self.model,
                messages=[{"role": "user", "content": question}],
                temperature=0,
                # It changes nothing, but that a classifier at the edge does not answer in the model's place.
                frequency_penalty=0,
            )
        except openai.BadRequestError:
            return None
        choice = completion.choices[0]
        text = (choice.message.content or "").strip()
        return text if choice.finish_reason == "stop" and text else None


@dataclass(frozen=True)
class Distilled:
    """What has come of a question."""

    question: str
    pair: Pair | None
    """None: the model has given no whole answer."""
    proposed: int
    """Paraphrases, of the question's own and of the model's."""


def open_client(base_url: str) -> openai.AsyncOpenAI:
    """With the key of the environment's OPENAI_API_KEY. It tries again, when the endpoint says, what may succeed then.

    Raises:
        openai.OpenAIError: there is no key.
    """
    return openai.AsyncOpenAI(base_url=base_url, max_retries=_RETRIES)


async def distil(
    teacher: Teacher,
    questions: Sequence[Question],
    paraphrases: int,
    concurrency: int,
    keep: Callable[[Distilled], None],
) -> None:
    """Calls `keep` with each, in the order in which they come. `paraphrases`: how many the model is to write of each.

    Raises:
        openai.OpenAIError: the endpoint does not answer, or not to this key. What was kept by then is right.
    """
    places = asyncio.Semaphore(concurrency)

    async def distilled(question: Question) -> Distilled:
        async with places:
            return await _distilled(teacher, question, paraphrases)

    tasks = [asyncio.create_task(distilled(question)) for question in questions]
    try:
        for finished in asyncio.as_completed(tasks):
            keep(await finished)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _distilled(teacher: Teacher, question: Question, paraphrases: int) -> Distilled:
    """A paraphrase is one where the model answers it with the very same words."""
    answer = await teacher.answer(question.question)
    if answer is None:
        return Distilled(question.question, None, 0)
    written = await _other_ways(teacher, question.question, paraphrases) if paraphrases else []
    proposed = _different(question.question, [*question.paraphrases, *written])
    kept = [text for text in proposed if await teacher.answer(text) == answer]
    return Distilled(question.question, Pair(question.question, answer, kept), len(proposed))


async def _other_ways(teacher: Teacher, question: str, count: int) -> list[str]:
    written = await teacher.answer(_OTHER_WAYS.format(count=count, question=question)) or ""
    lines = [_BULLET.sub("", line).strip().strip('"') for line in written.splitlines()]
    return [line for line in lines if line][:count]


def _different(question: str, texts: Sequence[str]) -> list[str]:
    """Each once, and none that the edge would not look at."""
    found = {_words(question): question}
    for text in texts:
        if 0 < len(text) <= MOST_QUESTION_CHARACTERS:
            found.setdefault(_words(text), text)
    return list(found.values())[1:]


def _words(text: str) -> str:
    return " ".join(words_of(text))
