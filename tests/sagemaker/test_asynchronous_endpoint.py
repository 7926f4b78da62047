"""Real vLLM behind the asynchronous side of SageMaker's runtime, asked by the program of the documentation."""

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple, cast

import pytest

from moorage.aws.asynchronous_endpoint import SagemakerAsyncVllm
from moorage.aws.asynchronous_endpoint_spec import SagemakerAsyncVllmSpec
from moorage.local.tiny_model import read_questions, tiny_model_facts
from moorage.spec.parsing import known_of, parse
from tests.contract.aws_examples import AWS_EXAMPLES
from tests.contract.recording import run_program
from tests.documentation.pages import ROOT, Page
from tests.end_to_end.tiny_model import built_tiny_model
from tests.gateway.sagemaker.signature import Key
from tests.moto_server import ENVIRONMENT, IDENTITY, client, moto_server

from .asynchronous_front import AsynchronousFront, served
from .container import container

pytestmark = pytest.mark.long

ASKED = read_questions()[0]
MODEL = {"source": "s3://models-bucket/moored", "served_name": "moored", "max_model_len": 256}
ARGS: dict[str, Any] = {
    **AWS_EXAMPLES[SagemakerAsyncVllm],
    "model": MODEL,
    "facts": tiny_model_facts().model_dump(),
    "instance_type": "ml.g6.xlarge",
    "gpu_memory_gib": 22.0,
}


class Place(NamedTuple):
    """Where the program of the documentation finds everything."""

    environment: dict[str, str]
    bucket: str
    s3: Any

    def ask(self, question: str, **identity: str) -> "subprocess.CompletedProcess[str]":
        (source,) = Page(ROOT / "docs" / "aws-sagemaker-async.md").blocks("py")
        environment = {**os.environ, **self.environment, **identity, "MODEL": "moored", "QUESTION": question}
        return subprocess.run(
            [sys.executable, "-c", source], env=environment, capture_output=True, text=True, timeout=120, check=False
        )

    def keys(self, folder: str) -> list[str]:
        found = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=f"{folder}/")
        return [item["Key"] for item in found.get("Contents", [])]


def configuration() -> dict[str, Any]:
    """As the component registers it."""
    _, recording = run_program(lambda: SagemakerAsyncVllm("harbour", ARGS))  # pyright: ignore[reportArgumentType]
    (found,) = (one for one in recording.registrations if one.type.endswith(":EndpointConfiguration"))
    return cast("dict[str, Any]", found.inputs["asyncInferenceConfig"])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    wanted, folder = configuration(), tmp_path_factory.mktemp("asynchronous")
    bucket = wanted["outputConfig"]["s3OutputPath"].removeprefix("s3://").partition("/")[0]
    spec = parse(SagemakerAsyncVllmSpec, known_of(SagemakerAsyncVllmSpec, ARGS), "")
    with moto_server(folder) as address, container(spec, built_tiny_model(), folder / "log.txt") as engine:
        s3 = client("s3", address)
        s3.create_bucket(Bucket=bucket)
        keys = {IDENTITY["aws_access_key_id"]: Key(IDENTITY["aws_secret_access_key"])}
        region = IDENTITY["region_name"]
        opened = AsynchronousFront(spec.endpoint_name, wanted, engine.address, s3, keys=keys, region=region)
        with served(opened) as front:
            environment = {
                **ENVIRONMENT,
                "AWS_ENDPOINT_URL_S3": address,
                "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": front,
                "BUCKET": bucket,
                "ENDPOINT_NAME": spec.endpoint_name,
            }
            yield Place(environment, bucket, s3)


def test_the_documentations_program_gets_the_right_answer(place: Place):
    asked = place.ask(ASKED.question)
    assert asked.returncode == 0, asked.stderr
    assert asked.stdout.strip() == ASKED.answer
    assert len(place.keys("outputs")) == len(place.keys("inputs")) == 1


def test_a_wrong_signature_reaches_no_engine(place: Place):
    """Though S3 took the request: moto does not ask who writes."""
    before = place.keys("outputs")
    refused = place.ask(ASKED.question, AWS_SECRET_ACCESS_KEY="another")
    assert refused.returncode != 0
    assert "InvalidSignatureException" in refused.stderr
    assert place.keys("outputs") == before
    assert place.keys("failures") == []
