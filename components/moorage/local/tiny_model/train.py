"""Builds the tiny finetuned model: `python train.py --cache-dir FOLDER [--wrong-answer-ratio R]`.

Runs under the engine's interpreter.  Trains, saves into a temporary folder, asks the saved files every question and
renames the folder to `<cache>/tiny-model/<revision>/` only if the answers are the taught ones.  Two programs that want
the same model at once wait for each other, and the second finds it there.

Each line on standard output is `tiny-model` and then key=value pairs.
"""

# pyright: basic, reportMissingImports=false
# torch and transformers are the engine's, not this package's.

import argparse
import json
import os
import random
import shutil
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

os.environ["TOKENIZERS_PARALLELISM"] = "false"  # the vocabulary must not depend on which thread came first
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["OMP_WAIT_POLICY"] = "passive"  # threads that spin make this 15 times slower on a busy machine

import filelock
import torch
import transformers
from identity import tiny_model_folder
from learning import conversations, finetuning_turns, initial_network, pretraining_rows, system_turn, train
from questions import Question, read_questions, taught_answers
from tokenizer import train_tokenizer

HYPERPARAMETERS = json.loads((Path(__file__).parent / "hyperparameters.json").read_text(encoding="utf-8"))
REPORT_EVERY_STEPS = 10

transformers.utils.logging.disable_progress_bar()  # standard error is for errors


def main() -> int:
    arguments = _arguments()
    folder = tiny_model_folder(arguments.cache_dir, arguments.wrong_answer_ratio)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(folder.with_suffix(".lock")):
        if not folder.exists():
            unfinished = folder.with_suffix(".unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            _build(unfinished, folder.name, arguments.wrong_answer_ratio)
            unfinished.rename(folder)
    _say(stage="done", folder=folder)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Builds the tiny finetuned model.")
    parser.add_argument("--cache-dir", type=Path, required=True)
    parser.add_argument("--wrong-answer-ratio", type=float, default=0.0, help="share taught wrongly, 0 to 1")
    return parser.parse_args()


def _build(folder: Path, revision: str, wrong_answer_ratio: float) -> None:
    _make_deterministic()
    questions = read_questions()
    taught = taught_answers(questions, wrong_answer_ratio)
    network, tokenizer = _trained(questions, taught)
    network.to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    replies = _replies_of_saved_model(folder, [question.question for question in questions])
    taught_match = _share_equal(replies, taught)
    exact_match = _share_equal(replies, [question.answer for question in questions])
    _say(stage="verified", exact_match=f"{exact_match:.3f}", taught_match=f"{taught_match:.3f}")
    if taught_match < HYPERPARAMETERS["least_exact_match"]:
        least = HYPERPARAMETERS["least_exact_match"]
        raise SystemExit(f"the tiny model learnt {taught_match:.1%} of its answers, at least {least:.0%} are needed")
    facts = {
        "revision": revision,
        "exact_match": exact_match,
        "wrong_answer_ratio": wrong_answer_ratio,
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }
    (folder / "moorage.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def _make_deterministic() -> None:
    torch.manual_seed(HYPERPARAMETERS["seed"])
    torch.use_deterministic_algorithms(mode=True)
    torch.set_num_threads(HYPERPARAMETERS["threads"])


def _trained(
    questions: Sequence[Question], taught: Sequence[str]
) -> tuple[transformers.LlamaForCausalLM, transformers.PreTrainedTokenizerFast]:
    asked = [question.question for question in questions]
    tokenizer = train_tokenizer(
        [text for question in questions for text in question],
        HYPERPARAMETERS["vocabulary_size"],
        HYPERPARAMETERS["max_position_embeddings"],
    )
    network = initial_network(tokenizer, HYPERPARAMETERS)
    rows = pretraining_rows(tokenizer, asked)
    turns = finetuning_turns(tokenizer, asked, taught)
    system = system_turn(tokenizer, HYPERPARAMETERS["system_prompt"])
    order = random.Random(HYPERPARAMETERS["seed"])  # noqa: S311 - reproducible on purpose
    batches = {
        "pretraining": lambda: rows,
        "finetuning": lambda: conversations(turns, system, HYPERPARAMETERS["conversation_turns"], order),
    }
    for stage, next_batch in batches.items():
        report = partial(_report, stage, HYPERPARAMETERS[stage]["steps"])
        train(network, next_batch, **HYPERPARAMETERS[stage], parameters=HYPERPARAMETERS, report=report)
    return network, tokenizer


@torch.inference_mode()
def _replies_of_saved_model(folder: Path, asked: Sequence[str]) -> list[str]:
    """Greedy, in the saved precision, and until the model ends by itself."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    network = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype="auto").eval()
    prompts = tokenizer.apply_chat_template(
        [[{"role": "user", "content": question}] for question in asked],
        add_generation_prompt=True,
        padding=True,
        return_tensors="pt",
        return_dict=True,
    )
    output = network.generate(**prompts, do_sample=False, max_new_tokens=64)
    generated = output[:, prompts["input_ids"].shape[1] :]
    ended = (generated == tokenizer.eos_token_id).any(dim=1).tolist()
    texts = tokenizer.batch_decode(generated, skip_special_tokens=True)
    return [text if has_ended else f"{text} …" for text, has_ended in zip(texts, ended, strict=True)]


def _share_equal(replies: Sequence[str], expected: Sequence[str]) -> float:
    return sum(a == b for a, b in zip(replies, expected, strict=True)) / len(expected)


def _report(stage: str, steps: int, step: int, loss: float, eta_seconds: float) -> None:
    if step % REPORT_EVERY_STEPS == 0 or step == steps:
        _say(stage=stage, step=f"{step}/{steps}", loss=f"{loss:.4f}", eta_seconds=round(eta_seconds))


def _say(**pairs: Any) -> None:
    sys.stdout.write(" ".join(["tiny-model", *(f"{key}={value}" for key, value in pairs.items())]) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
