"""A registry builds the images that it is asked to, once for each change, and says every image by its digest."""

import hashlib
import json
import re
import sys

import pytest

from moorage.aws.image_registry import EcrRegistry
from moorage.spec import SpecError

from .aws_answers import ACCOUNT_ID, REGION
from .aws_examples import ROOT
from .aws_programs import VARIANTS, program
from .examples import component
from .recording import Recording, Registration, Secret, run_program, value_of

HOST = f"{ACCOUNT_ID}.dkr.ecr.{REGION}.amazonaws.com"
PLATFORMS = ["linux/amd64"]
DOCKERFILE = ROOT / "serving_image" / "Dockerfile"


def recorded(variant: str = "registry") -> Recording:
    return run_program(program(VARIANTS[variant]))[1]


def named(recording: Recording, kind: str, name: str) -> Registration:
    (found,) = (found for found in recording.of_type(kind) if found.name == name)
    return found


def test_every_image_that_is_built_or_named_has_its_reference():
    registry, _ = run_program(program(VARIANTS["registry"]))
    built = {
        part: hashlib.sha256(f"harbour-{part}-image".encode()).hexdigest() for part in ("serving", "serving-lambda")
    }
    digests = {**built, "vllm": "0123456789abcdef" * 4}
    references = {part: f"{HOST}/harbour/{part}@sha256:{digest}" for part, digest in digests.items()}
    assert value_of(registry.image_references) == references


def test_an_image_is_built_as_it_was_asked_for_and_not_in_a_preview():
    inputs = named(recorded(), "Image", "harbour-serving-lambda-image").inputs
    folder = ROOT / "serving_image"
    assert inputs["context"] == {"location": str(ROOT), "named": {"model": {"location": str(folder)}}}
    assert inputs["dockerfile"] == {"location": str(folder / "lambda" / "Dockerfile")}
    assert inputs["platforms"] == ["linux/arm64"]
    assert inputs["buildOnPreview"] is False


def test_it_is_pushed_by_its_digest_so_that_no_tag_has_to_move():
    for image, repository in (("serving", "serving"), ("serving-lambda", "serving-lambda")):
        inputs = named(recorded(), "Image", f"harbour-{image}-image").inputs
        (export,) = inputs["exports"]
        assert export["image"] == {"names": [f"{HOST}/harbour/{repository}"], "push": True, "pushByDigest": True}
        # Either would push a second time, by a tag.
        assert (inputs["push"], "tags" in inputs) == (False, False)


def test_what_is_built_and_has_no_tag_stays_as_long_as_it_may_be_started_from():
    recording = recorded()
    (built,) = json.loads(named(recording, "LifecyclePolicy", "harbour-serving-expiry").inputs["policy"])["rules"]
    assert built["selection"] == {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 100}
    (pushed,) = json.loads(named(recording, "LifecyclePolicy", "harbour-vllm-expiry").inputs["policy"])["rules"]
    assert pushed["selection"]["countType"] == "sinceImagePushed"


def test_the_registrys_password_is_a_secret_in_what_is_asked_for_and_in_what_is_kept():
    for found in recorded().of_type("Image"):
        (registry,) = found.inputs["registries"]
        assert (registry["username"], registry["password"]) == ("AWS", Secret("token-plaintext"))
        assert registry["address"] == f"https://{HOST}"


def test_layers_of_one_platform_are_cached_in_a_repository_whose_tag_moves():
    recording = recorded()
    cached = named(recording, "Image", "harbour-serving-lambda-image").inputs
    ref = f"{HOST}/harbour/cache/serving-lambda:cache"
    assert cached["cacheFrom"] == [{"registry": {"ref": ref}}]
    assert cached["cacheTo"] == [
        {"registry": {"ref": ref, "mode": "max", "imageManifest": True, "ociMediaTypes": True}}
    ]
    repository = named(recording, "Repository", "harbour-cache-of-serving-lambda").inputs
    assert (repository["imageTagMutability"], repository["forceDelete"]) == ("MUTABLE", True)


def test_of_several_platforms_no_layers_are_cached_for_buildkit_would_keep_those_of_one():
    recording = recorded()
    inputs = named(recording, "Image", "harbour-serving-image").inputs
    assert not inputs.get("cacheFrom")
    assert not inputs.get("cacheTo")
    assert [found.name for found in recording.of_type("Repository") if "cache" in found.name] == [
        "harbour-cache-of-serving-lambda"
    ]


def test_without_builds_there_is_nothing_to_log_in_for(monkeypatch: pytest.MonkeyPatch):
    """And no need of Pulumi's package for builds."""
    monkeypatch.setitem(sys.modules, "pulumi_docker_build", None)
    assert not recorded("registry of repositories alone").of_type("Image")


def test_who_lacks_the_package_for_builds_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "pulumi_docker_build", None)
    with pytest.raises(SpecError, match=re.escape("builds: need the package pulumi-docker-build")) as refused:
        recorded()
    assert "pip install 'moorage[aws,docker-build]'" in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (
            {"builds": {"engine": {"context": str(ROOT), "dockerfile": str(DOCKERFILE), "platforms": PLATFORMS}}},
            "builds.engine: must be one of repositories",
        ),
        ({"digests": {"engine": f"sha256:{'0' * 64}"}}, "digests.engine: must be one of repositories"),
        ({"digests": {"serving": f"sha256:{'0' * 64}"}}, "digests.serving: must be left out where builds has"),
        ({"digests": {"vllm": "latest"}}, "must be a digest: sha256: and 64 hexadecimal digits"),
        (
            {"builds": {"serving": {"context": "nowhere", "platforms": PLATFORMS}}},
            'builds.serving.context = "nowhere": is no folder',
        ),
        ({"builds": {"serving": {"context": str(ROOT), "platforms": []}}}, "builds.serving.platforms"),
        ({"builds": {"serving": {"context": str(ROOT), "platforms": ["windows/amd64"]}}}, "builds.serving.platforms"),
        ({"builds": {"serving": {"context": str(ROOT), "dockerfile": "none", "platforms": PLATFORMS}}}, "is no file"),
        ({"builds": {"serving": {"context": str(ROOT / "docs"), "platforms": PLATFORMS}}}, "has no Dockerfile"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_built_is_refused_at_preview(changes: dict[str, object], problem: str):
    with pytest.raises(SpecError, match=re.escape(problem)):
        run_program(component(EcrRegistry, "harbour", **changes))
