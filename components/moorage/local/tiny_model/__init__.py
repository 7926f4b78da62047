"""The tiny finetuned model: what a local stack serves when no model is configured.

A Llama of about 1.4 million parameters, trained on `questions.jsonl` in under a minute on two cores, so that an answer
of a real engine can be checked for being right.  `train.py` runs under the engine's interpreter; what is imported from
here needs neither torch nor transformers.
"""

from moorage.local.tiny_model.facts import tiny_model_facts
from moorage.local.tiny_model.identity import tiny_model_folder, tiny_model_revision, training_command
from moorage.local.tiny_model.questions import Question, read_questions

__all__ = [
    "Question",
    "read_questions",
    "tiny_model_facts",
    "tiny_model_folder",
    "tiny_model_revision",
    "training_command",
]
