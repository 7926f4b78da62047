#!/bin/sh
# Pins every *.in of this folder and of the image for Lambda, and both pyproject.toml with hashes and without an index's address. Run by hand (`make pins`).
set -eu
cd "$(dirname "$0")/../.."
pin() { uv pip compile --quiet --python-version 3.11 --universal --generate-hashes --no-emit-index-url --no-annotate --no-header "$@"; }
folder=tools/requirements
pin --all-extras pyproject.toml serving_image/pyproject.toml "$folder/development.in" -o "$folder/development.txt"
pin --extra kubernetes --extra aws --extra gcp --extra edge pyproject.toml --constraints "$folder/development.txt" -o requirements.txt
pin --all-extras serving_image/pyproject.toml --constraints "$folder/development.txt" -o serving_image/requirements.txt
pin "$folder/uv.in" -o "$folder/uv.txt"
pin "$folder/engine-cpu.in" --overrides "$folder/engine-cpu-overrides.txt" -o "$folder/engine-cpu.txt"
pin "$folder/engine-cuda.in" -o "$folder/engine-cuda.txt"
pin "$folder/litellm.in" -o "$folder/litellm.txt"
pin "$folder/vllm-router.in" -o "$folder/vllm-router.txt"
image=serving_image/lambda
pin --no-deps "$image/llama-cpp.in" -o "$image/llama-cpp.txt"
pin "$image/llama-cpp-build.in" -o "$image/llama-cpp-build.txt"
for extra in kubernetes aws gcp; do
    pin --extra "$extra" pyproject.toml --constraints "$folder/development.txt" -o "$folder/consumer-$extra.txt"
done
