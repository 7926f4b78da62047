"""What the edge's two functions take: Node without compiled code, and cold starts of a Python that has nothing else.

The function of Lambda has the model of this repository's own questions and this Python, or others (`--classifier`,
`--python`).
"""

from __future__ import annotations

import argparse
import base64
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.report import Figure, report
from tests.edge.largest_requests import FULL_STORE, REQUESTS
from tests.edge.viewer_function import STORE, event, run

from moorage.edge import intent_classifier, origin_request
from moorage.edge.question_pairs import read_pairs
from moorage.edge.training import train

PAIRS = Path(__file__).parents[1] / "components" / "moorage" / "local" / "tiny_model" / "questions.jsonl"
PRECISION = 0.99
VIEWER_BAR_MS = 1.0
"""What a CloudFront Function may take, as far as AWS says it: see tests/edge/test_viewer_request_limits.py."""
COLD_START_BARS_MS = (200.0, 50.0, 5.0)
"""Ours, against regressions: several times what was measured."""
RUNS = 25
TURNS = 500
REGION = "ap-southeast-7"
PROGRAM = """
import json, sys, time
event = json.load(sys.stdin)
sys.path.insert(0, sys.argv[1])
begin = time.perf_counter()
from moorage.edge.origin_request import handler
imported = time.perf_counter()
handler(event, None)
first = time.perf_counter()
handler(event, None)
print(json.dumps([1000 * seconds for seconds in (imported - begin, first - imported, time.perf_counter() - first)]))
"""


def laid_out(folder: Path, classifier: Path) -> None:
    """As the function's archive has it."""
    package = folder / "moorage" / "edge"
    package.mkdir(parents=True)
    for module in (origin_request, intent_classifier):
        source = Path(module.__file__)
        (package / source.name).write_bytes(source.read_bytes())
    (package / origin_request.CLASSIFIER_NAME).write_bytes(classifier.read_bytes())


def question_of(content: str) -> str:
    asked = {"model": "m", "messages": [{"role": "user", "content": content}]}
    body = {
        "encoding": "base64",
        "data": base64.b64encode(json.dumps(asked).encode()).decode(),
        "inputTruncated": False,
    }
    mark = [{"key": "x-moorage-edge", "value": "accepted"}]
    request = {"method": "POST", "uri": "/v1/chat/completions", "querystring": "", "headers": {"x-moorage-edge": mark}}
    return json.dumps({"Records": [{"cf": {"request": {**request, "body": body}}}]})


def cold_start(classifier: Path, python: str) -> list[Figure]:
    """Medians. Nothing is kept compiled from one start to the next: on Lambda there is no place for it."""
    with tempfile.TemporaryDirectory() as folder:
        laid_out(Path(folder), classifier)
        command = [python, "-I", "-S", "-B", "-c", PROGRAM, folder]
        asked = question_of("hello")
        runs = [
            json.loads(subprocess.run(command, input=asked, capture_output=True, text=True, check=True).stdout)
            for _ in range(RUNS)
        ]
    parts = ("import", "first request, with the model's file", "next request")
    medians = [statistics.median(column) for column in zip(*runs, strict=True)]
    return [
        Figure(f"Lambda@Edge: {part}", value, "ms", bar)
        for part, value, bar in zip(parts, medians, COLD_START_BARS_MS, strict=True)
    ]


def viewer_function() -> list[Figure]:
    """Medians."""
    small = ("two routes", event(), {**STORE, "routes": "eu=95,eu-canary=5"})
    largest = [(name, sent, FULL_STORE) for name, sent in REQUESTS.items()]
    return [
        Figure(f"CloudFront Function: {name}", statistics.median(ran["milliseconds"]), "ms", VIEWER_BAR_MS)
        for name, sent, store in (small, *largest)
        for ran in (run(sent, store=store, region=REGION, repeat=TURNS, flags=["--jitless"]),)
    ]


def trained(out: Path) -> Path:
    """Half a minute."""
    train(read_pairs(PAIRS), out, PRECISION)
    return out


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--classifier", type=Path, help="default: one of the repository's questions, trained now")
    parser.add_argument("--python", default=sys.executable)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        classifier = options.classifier or trained(Path(folder) / "classifier.json")
        return report([*viewer_function(), *cold_start(classifier, options.python)])


if __name__ == "__main__":
    sys.exit(main())
