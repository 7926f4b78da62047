# Thin names for commands; `make help` lists them.
STACK ?= local
PULUMI = .venv/bin/pulumi
PYTHON = .venv/bin/python
.DEFAULT_GOAL := help

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

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

.PHONY: help setup up preview down output
