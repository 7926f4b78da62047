# Thin names for commands; `make help` lists them.
STACK ?= local
SECONDS ?= 600
QUANTIZATION ?= Q4_K_M
PULUMI = .venv/bin/pulumi
PYTHON = .venv/bin/python
.DEFAULT_GOAL := help

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## install everything a stack needs (every other target does it first)
	@tools/setup.sh $(STACK)

up: setup ## create or update the stack: an OpenAI endpoint
	@$(PULUMI) up --stack $(STACK) --refresh --skip-preview --yes
	@printf '\nTry it:\n  %s\n' "$$($(PULUMI) stack output --stack $(STACK) try_it)"

preview: setup ## show what `make up` would change
	@$(PULUMI) preview --stack $(STACK)

down: ## stop and remove the stack
	@$(PULUMI) destroy --stack $(STACK) --yes

output: ## print one output, secrets included: make output NAME=endpoint_url
	@$(PULUMI) stack output --stack $(STACK) --show-secrets $(NAME)

# The plugin is apart from tests/gateway: Pulumi's SDK and Google's libraries both define google.rpc.Status.
ENGINE_ROOMS = tests/pulumi_engine tests/plugin
MODEL_ROOMS = tests/end_to_end tests/ecs tests/sagemaker
OTHER_ROOMS = tests $(addprefix --ignore ,$(ENGINE_ROOMS) $(MODEL_ROOMS) tests/kube tests/conformance tests/serverless)
define run_rooms
	@$(PYTHON) -m tools.bootstrap.consumers
	@$(PYTHON) -m pytest $(OTHER_ROOMS) -m $(1) --numprocesses 2
	@$(PYTHON) -m pytest $(ENGINE_ROOMS) -m $(1) --numprocesses 3
	@$(PYTHON) -m pytest $(MODEL_ROOMS) -m $(1)
endef

test: setup ## the quick tests of every room, with the real Pulumi engine and a whole stack with real vLLM: 10 minutes
	$(call run_rooms,"not long")

test-long: setup ## the tests of the same rooms that take longer: failures, replacements, load, more engines
	$(call run_rooms,long)

kubernetes: setup ## build the control plane and controllers of test-kube: 20 minutes on two cores, once per machine
	@$(PYTHON) -m tools.bootstrap.consumers
	@$(PYTHON) -m tools.bootstrap.kubernetes

test-kube: kubernetes ## what a real Kubernetes control plane says of the stacks
	@$(PYTHON) -m pytest tests/kube

test-conformance: setup ## what Terraform's AWS provider and moto say of the stacks on AWS; needs terraform
	@$(PYTHON) -m pytest tests/conformance --numprocesses 2 --dist loadgroup

lambda-tools: setup ## build llama.cpp and the Lambda Web Adapter: 8 minutes on two cores, once per machine
	@$(PYTHON) -m tools.bootstrap.serverless

test-serverless: lambda-tools ## what runs in a function of AWS Lambda, against its Runtime API
	@$(PYTHON) -m pytest tests/serverless

quantize: lambda-tools ## one GGUF file of a model's folder: make quantize MODEL=folder FILE=model.gguf
	@$(PYTHON) -m tools.quantize $(MODEL) $(FILE) --quantization $(QUANTIZATION)

lint: setup ## ruff and pyright
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m pyright

bench: setup ## measure, print ratios, fail where a bar is missed
	@$(PYTHON) benchmarks/gateway.py
	@$(PYTHON) benchmarks/library.py
	@$(PYTHON) benchmarks/stack.py
	@$(PYTHON) -m benchmarks.edge

bench-gateway: setup ## the gateway beside LiteLLM and vllm-router; fail where a goal is missed
	@$(PYTHON) -m benchmarks.gateways

soak: setup ## mixed load with faults for SECONDS; fail where something is left over
	@$(PYTHON) -m benchmarks.soak --seconds $(SECONDS)

reference: setup ## write what follows from settings and arguments: contract, documentation, the plugin's schema
	@$(PYTHON) -m tools.gateway_reference
	@$(PYTHON) -W ignore -m moorage.plugin.schema

pins: setup ## pin the dependencies anew
	@PATH="$(CURDIR)/.tools/uv/bin:$$PATH" tools/requirements/compile.sh

clean: ## remove what set-up has put into the checkout; stacks must be down
	@if [ -d .moorage ]; then echo "a stack is still up: make down STACK=name" >&2; exit 1; fi
	rm -rf .venv .tools .pytest_cache .ruff_cache .hypothesis

.PHONY: help setup up preview down output test test-long kubernetes test-kube test-conformance lambda-tools test-serverless quantize lint bench bench-gateway soak reference pins clean
