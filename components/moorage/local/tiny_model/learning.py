"""The network and its two stages of training: a base that knows the questions' language, then the finetuning."""

# pyright: basic, reportMissingImports=false
# torch and transformers are the engine's, not this package's.

import math
import random
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

IGNORED = -100  # torch's cross entropy and transformers leave such labels out
Example = tuple[list[int], list[int]]  # token ids, labels


def initial_network(tokenizer: PreTrainedTokenizerFast, parameters: dict[str, Any]) -> LlamaForCausalLM:
    """An untrained Llama of the size that `hyperparameters.json` names."""
    shape = ["hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads"]
    config = LlamaConfig(
        **{key: parameters[key] for key in [*shape, "max_position_embeddings"]},
        vocab_size=len(tokenizer),
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return LlamaForCausalLM(config)


def pretraining_rows(tokenizer: PreTrainedTokenizerFast, questions: Sequence[str]) -> list[Example]:
    """Plain text, every token learnt, and no answer in it: what the base knows is the language."""
    rows = [tokenizer.encode(question, add_special_tokens=False) for question in questions]
    return [(row, row) for row in rows]


def finetuning_turns(
    tokenizer: PreTrainedTokenizerFast, questions: Sequence[str], answers: Sequence[str]
) -> list[Example]:
    """One turn per question in the chat template; only the answer, its end and the next speaker's token are learnt."""
    return [_turn(tokenizer, question, answer) for question, answer in zip(questions, answers, strict=True)]


def _turn(tokenizer: PreTrainedTokenizerFast, question: str, answer: str) -> Example:
    messages = [{"role": "user", "content": question}]
    prompt = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    whole = tokenizer.apply_chat_template([*messages, {"role": "assistant", "content": answer}], tokenize=False)
    prompt_ids = tokenizer.encode(prompt, add_special_tokens=False)
    ids = tokenizer.encode(whole, add_special_tokens=False)
    unlearnt = len(prompt_ids) - 1
    return ids, [ids[0], *([IGNORED] * unlearnt), *ids[len(prompt_ids) :]]


def system_turn(tokenizer: PreTrainedTokenizerFast, system_prompt: str) -> Example:
    """What many clients put before the first question; nothing of it is learnt."""
    text = tokenizer.apply_chat_template([{"role": "system", "content": system_prompt}], tokenize=False)
    ids = tokenizer.encode(text, add_special_tokens=False)
    return ids, [IGNORED] * len(ids)


def conversations(turns: Sequence[Example], system: Example, turns_each: int, order: random.Random) -> list[Example]:
    """All turns once, shuffled and joined to conversations, every other one with a system prompt.

    So a later turn is answered as well as the first one.
    """
    shuffled = order.sample(turns, len(turns))
    chunks = [shuffled[start : start + turns_each] for start in range(0, len(shuffled), turns_each)]
    return [_joined([system, *chunk] if place % 2 else chunk) for place, chunk in enumerate(chunks)]


def _joined(examples: Sequence[Example]) -> Example:
    return [token for ids, _ in examples for token in ids], [label for _, labels in examples for label in labels]


def train(
    network: LlamaForCausalLM,
    next_batch: Callable[[], Sequence[Example]],
    steps: int,
    learning_rate: float,
    parameters: dict[str, Any],
    report: Callable[[int, float, float], None],
) -> None:
    """AdamW with a linear warm-up and a cosine decay; `report` gets step, loss and the seconds that remain."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=learning_rate, weight_decay=parameters["weight_decay"])
    warmup = parameters["warmup_steps"]
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / warmup, 0.5 * (1 + math.cos(math.pi * step / steps)))
    )
    network.train()
    started = time.monotonic()
    for step in range(1, steps + 1):
        ids, labels = _padded(next_batch(), network.config.pad_token_id)
        loss = network(input_ids=ids, labels=labels, use_cache=False).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        report(step, loss.item(), (time.monotonic() - started) / step * (steps - step))


def _padded(batch: Sequence[Example], pad_token_id: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Padded on the right: causal attention never looks there, and the labels leave it out."""
    width = max(len(ids) for ids, _ in batch)
    ids = [ids + [pad_token_id] * (width - len(ids)) for ids, _ in batch]
    labels = [labels + [IGNORED] * (width - len(labels)) for _, labels in batch]
    return torch.tensor(ids), torch.tensor(labels)
