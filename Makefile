# The front door: `make help` lists what there is. Scripts do the work, each is quick when nothing is to do.

SHELL := bash
.DEFAULT_GOAL := help
# The sizes that `make bench-store` measures (100k, 1m or all; `make bench-molecule PART=import` has 1m, too), and the part
# of a benchmark (empty: all).
SCALE ?= all
PART ?=
# What `make docker-samples` fills.
SOLUTION ?= image-search

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-25s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## Build image-search, import sample pictures, search them, and serve the page
	@scripts/system-packages g++ python3-pip
	@cargo run --release --locked -p image-search -- demo

.PHONY: serve-image-search
serve-image-search: ## Serve the page of what was imported so far
	@scripts/system-packages g++ python3-pip
	@cargo run --release --locked -p image-search -- serve

.PHONY: demo-molecule-search serve-molecule-search
demo-molecule-search: ## Build molecule-search, import sample molecules, search them, and serve the page
	@scripts/system-packages g++ python3-pip
	@cargo run --release --locked -p molecule-search -- demo

serve-molecule-search: ## Serve the page of the molecules that were imported so far
	@scripts/system-packages g++ python3-pip
	@cargo run --release --locked -p molecule-search -- serve

# Compiled once and from nothing more often than not, so without what would make the next build incremental.
.PHONY: test
test: setup format docker-check deny-if-there ## Install what is missing and run every check and test
	@CARGO_INCREMENTAL=$${CARGO_INCREMENTAL:-0} scripts/test

.PHONY: test-quick
test-quick: setup format ## Lint, and run the tests that need no servers and no browser (for in between)
	@scripts/test --profile quick

.PHONY: format
format:
	@cargo fmt --all --check

.PHONY: check
check: format ## Check format and lints (fast, needs no servers)
	@cargo clippy --workspace --all-targets --locked --quiet -- -D warnings

.PHONY: check-features
check-features: ## Lint the core without its features (compiles its dependencies once more)
	@cargo clippy -p bootcamp-core --no-default-features --locked --quiet -- -D warnings

.PHONY: docs
docs: ## Build the documentation and run its examples
	@scripts/test docs

.PHONY: fmt
fmt: ## Format the code
	@cargo fmt --all

.PHONY: deny
deny: ## Check licences, sources and advisories with cargo-deny (installs it)
	@scripts/cargo-tool cargo-deny
	@scripts/deny

# Building cargo-deny takes minutes, and the layering test checks licences and sources anyway.
.PHONY: deny-if-there
deny-if-there:
	@if command -v cargo-deny > /dev/null; then scripts/deny; fi

# Compose v2 and newer is a part of docker, 1.29 a program of its own.
COMPOSE = $$(docker compose version > /dev/null 2>&1 && echo docker compose || echo docker-compose)

.PHONY: docker-image-search docker-molecule-search
docker-image-search: ## Build image-search's image and run it with Milvus and Redis (docker/README.md)
docker-molecule-search: ## The same for molecule-search
docker-image-search docker-molecule-search: docker-%:
	@$(COMPOSE) -f docker/$*/compose.yaml up --build --detach
	@for second in {1..60}; do $(COMPOSE) -f docker/$*/compose.yaml exec -T app $* health && break; sleep 1; done
	@echo "the page is at http://localhost:8080; sample data: make docker-samples SOLUTION=$*"

.PHONY: docker-samples
docker-samples: ## Import the sample data into what make docker-… started (SOLUTION=image-search|molecule-search)
	@$(COMPOSE) -f docker/$(SOLUTION)/compose.yaml exec -T app $(SOLUTION) import /samples

.PHONY: docker-down
docker-down: ## Stop what make docker-… started; its data stays
	@for file in docker/*/compose.yaml; do $(COMPOSE) -f $$file down; done

.PHONY: docker-check
docker-check: ## Check the Dockerfile, the compose files and the shell scripts (fast, needs no engine)
	@scripts/docker-check

.PHONY: docker-test
docker-test: ## Build and run the deployment on stand-ins for its images, break it, restore it; skips without Docker
	@docker/test/run

.PHONY: bench-store
bench-store: ## Measure the local store beside usearch, faiss and hnswlib (SCALE=100k|1m|all)
	@scripts/system-packages g++ python3-venv
	@scripts/bench-peers
	@cargo run --release --locked --quiet -p bootcamp-bench -- store $(SCALE) $(PART)

.PHONY: bench-encode
bench-encode: ## Measure the encoders beside ONNX Runtime alone and Python (PART=pictures|text|memory)
	@scripts/system-packages g++ python3-pip python3-venv
	@scripts/reference
	@scripts/sample-pictures
	@cargo run --release --locked --quiet -p bootcamp-bench -- encode $(PART)

.PHONY: bench-image
bench-image: ## Measure image-search beside ONNX Runtime alone and Python (PART=import|http|start|quality)
	@scripts/system-packages g++ python3-pip python3-venv
	@scripts/reference
	@scripts/bench-peers image
	@scripts/sample-pictures
	@cargo build --release --locked --quiet -p image-search -p bootcamp-bench
	@$${CARGO_TARGET_DIR:-target}/release/bootcamp-bench image $(PART)

.PHONY: bench-molecule
bench-molecule: ## Measure molecule-search beside RDKit and FPSim2 (PART=fingerprints|similar|threshold|substructures|import [SCALE=1m])
	@scripts/system-packages g++ python3-pip python3-venv
	@scripts/bench-peers molecule
	@scripts/sample-molecules
	@cargo build --release --locked --quiet -p molecule-search -p bootcamp-bench
	@$${CARGO_TARGET_DIR:-target}/release/bootcamp-bench molecule $(PART) $(if $(PART),$(filter 1m,$(SCALE)))

.PHONY: setup
setup: ## Install what tests need: system packages, cargo-nextest, test servers
	@scripts/setup

.PHONY: clean-cache
clean-cache: ## Remove what was downloaded and made by benchmarks (.cache/ and data/bench/)
	@rm -rf .cache data/bench
