"""Nothing of a prompt, a completion or a key is ever logged, at any level, whatever goes wrong."""

from __future__ import annotations

import base64
import json
import os
from typing import TYPE_CHECKING

from .otlp_receiver import OtlpReceiver
from .processes import KEY, KEY_ID, Gateway, chat, document, eventually, upstream
from .raw import connection, request_bytes
from .test_ledger import running_redis

if TYPE_CHECKING:
    from pathlib import Path

    from .processes import RunningEngine

CANARY = "canary-8f3a-sings"
CHAT = "/v1/chat/completions"
TIMEOUTS = {"idle_seconds": 2}
"""What ends a stream that has turned into nonsense."""
FAULTS = ("", "reset", "truncate", "reset_before_headers", "malformed_headers", "malformed_chunk")


def test_no_content_and_no_key_in_logs_at_debug_level(config_path: Path, engine: RunningEngine) -> None:
    config_path.write_text(json.dumps(document(upstream("tcp", engine.address), timeouts=TIMEOUTS)))
    with Gateway(config_path, arguments=("--log-level", "debug")) as gateway:
        answers = list(provoke(gateway))
        eventually(lambda: len(gateway.events("request")) >= len(answers))
    assert any(CANARY in answer for answer in answers)
    log = "".join(gateway.lines)
    assert CANARY not in log
    assert KEY not in log
    assert f'"key_id":"{KEY_ID}"' in log


def test_no_content_leaves_the_process_with_all_features_on(
    tmp_path: Path, config_path: Path, engine: RunningEngine, redis_server: str
) -> None:
    """Nothing is in logs, traces and metrics, and the request log's files are encrypted."""
    folder, redis_path = tmp_path / "request-log", tmp_path / "redis"
    folder.mkdir()
    with OtlpReceiver() as receiver, running_redis(redis_server, redis_path):
        all_features = {
            "telemetry": {"otlp_endpoint": receiver.endpoint, "trace_sample_ratio": 1.0},
            "cloudwatch_metrics": {"stack": "harbour"},
            "request_log": {"folder": str(folder), "key_environment_variable": "LOG_KEYS", "tenants": [KEY_ID]},
            "redis_url": f"unix://{redis_path}",
            "cache": {"nondeterministic": True},
        }
        config_path.write_text(json.dumps(document(upstream("tcp", engine.address), timeouts=TIMEOUTS, **all_features)))
        keys = base64.b64encode(os.urandom(32)).decode()
        with Gateway(config_path, ("--log-level", "debug"), {"LOG_KEYS": keys}) as gateway:
            answers = list(provoke(gateway))
            eventually(lambda: len(gateway.events("request")) >= len(answers))
            eventually(lambda: gateway.metric("request_log_objects_total", result="written") > 0)
            exposition = gateway.client.get("/metrics").text
            gateway.stop()
        objects = [path.name.encode() + path.read_bytes() for path in folder.rglob("*") if path.is_file()]
        assert len(receiver.spans) >= len(FAULTS)
        assert objects
        told = ["".join(gateway.lines).encode(), exposition.encode(), *receiver.bodies, *objects]
    for text in told:
        assert CANARY.encode() not in text
        assert KEY.encode() not in text
        assert keys.encode() not in text


def provoke(gateway: Gateway) -> list[str]:
    """Send the canary in every way that could bring it into a log."""
    bodies = [chat(CANARY, stream=True, fault=fault, inter_token_seconds=0.02) for fault in FAULTS]
    answers = [gateway.client.post(CHAT, json=body).text for body in bodies]
    contents = [
        f'{{"model": "moored", "messages": "{CANARY}"'.encode(),
        f'"{CANARY}"'.encode(),
        json.dumps({"model": CANARY, "messages": []}).encode(),
        json.dumps({"model": [CANARY], "stream": CANARY}).encode(),
    ]
    answers += [gateway.client.post(CHAT, content=content).text for content in contents]
    answers.append(gateway.client.post(CHAT, json=chat(CANARY)).text)
    answers.append(gateway.client.post("/v1/embeddings", json={"model": "moored", "input": CANARY}).text)
    answers.append(gateway.client.get(f"/v1/{CANARY}?{CANARY}={CANARY}", headers={"x-request-id": CANARY * 9}).text)
    answers.append(gateway.client.post(CHAT, json=chat(), headers={"authorization": f"Bearer {CANARY}"}).text)
    with connection(gateway) as sock:
        sock.sendall(request_bytes(chat(CANARY, fault="stall_before_headers")))
        eventually(lambda: gateway.metric("requests_in_flight") == 1)
    return [*answers, "the one that left"]
