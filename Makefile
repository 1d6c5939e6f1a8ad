# Entry point: `make help` lists all targets. Scripts do the work; each returns quickly when there is nothing to do.

SHELL := bash
.DEFAULT_GOAL := help
# The size of a benchmark (`make bench-store`: 100k, 1m or all; `make bench-molecule PART=import`: 1m, too), and its part
# (empty: all).
SCALE ?= all
PART ?=
# The solution of `make docker-samples` (image-search if none is named) and of `make docker-test` (then all).
SOLUTION ?=

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-25s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## Build image-search, import sample pictures, search them, and serve the page
	@scripts/system-packages g++ python3-pip
	@cargo run --release --locked -p image-search -- demo

.PHONY: serve-image-search
serve-image-search: ## Serve image-search's page over the data imported so far
	@scripts/system-packages g++ python3-pip
	@cargo run --release --locked -p image-search -- serve

.PHONY: demo-audio-search serve-audio-search
demo-audio-search: ## Build audio-search, import sample sounds, search them, and serve the page
	@scripts/system-packages g++ python3-pip
	@cargo run --release --locked -p audio-search -- demo

serve-audio-search: ## Serve audio-search's page over the sounds imported so far
	@scripts/system-packages g++ python3-pip
	@cargo run --release --locked -p audio-search -- serve

.PHONY: demo-molecule-search serve-molecule-search
demo-molecule-search: ## Build molecule-search, import sample molecules, search them, and serve the page
	@scripts/system-packages g++ python3-pip
	@cargo run --release --locked -p molecule-search -- demo

serve-molecule-search: ## Serve molecule-search's page over the data imported so far
	@scripts/system-packages g++ python3-pip
	@cargo run --release --locked -p molecule-search -- serve

.PHONY: demo-question-answering serve-question-answering
demo-question-answering: ## Build question-answering, import the FAQs of Perl, Python and Debian, ask, and serve the page
	@scripts/system-packages g++ python3-pip
	@cargo run --release --locked -p question-answering -- demo

serve-question-answering: ## Serve question-answering's page over the questions and documents imported so far
	@scripts/system-packages g++ python3-pip
	@cargo run --release --locked -p question-answering -- serve

.PHONY: demo-vision-search serve-vision-search
demo-vision-search: ## Build vision-search, compose labelled scenes, index and query them, and serve the page
	@scripts/system-packages g++ python3-pip
	@cargo run --release --locked -p vision-search -- demo

serve-vision-search: ## Serve vision-search's page over the datasets imported so far
	@scripts/system-packages g++ python3-pip
	@cargo run --release --locked -p vision-search -- serve

.PHONY: demo-recommender serve-recommender
demo-recommender: ## Build recommender, fetch MovieLens 100K (research use), train, recommend, and serve the page
	@scripts/system-packages g++ python3-pip
	@cargo run --release --locked -p recommender -- demo

serve-recommender: ## Serve recommender's page over the ratings imported so far
	@scripts/system-packages g++ python3-pip
	@cargo run --release --locked -p recommender -- serve

# Mostly a single build from scratch, so incremental compilation would only cost time.
.PHONY: test
test: setup format docker-check deny-if-there ## Install what is missing and run every check and test
	@CARGO_INCREMENTAL=$${CARGO_INCREMENTAL:-0} scripts/test

.PHONY: test-quick
test-quick: setup format ## Lint, and run the tests that need no servers and no browser (while you work)
	@scripts/test --profile quick

.PHONY: format
format:
	@cargo fmt --all --check

.PHONY: check
check: format ## Check formatting and lints (fast, needs no servers)
	@cargo clippy --workspace --all-targets --locked --quiet -- -D warnings

.PHONY: check-features
check-features: ## Lint core without its features (recompiles its dependencies)
	@cargo clippy -p bootcamp-core --no-default-features --locked --quiet -- -D warnings

.PHONY: docs
docs: ## Build the documentation and run its examples
	@scripts/test docs

.PHONY: fmt
fmt: ## Format the code
	@cargo fmt --all

.PHONY: deny
deny: ## Check licences, sources and advisories (installs cargo-deny)
	@scripts/cargo-tool cargo-deny
	@scripts/deny

# Building cargo-deny takes minutes, and the layering test checks licences and sources anyway.
.PHONY: deny-if-there
deny-if-there:
	@if command -v cargo-deny > /dev/null; then scripts/deny; fi

# Compose v2 and newer is a part of docker, 1.29 a program of its own.
COMPOSE = $$(docker compose version > /dev/null 2>&1 && echo docker compose || echo docker-compose)

.PHONY: docker-image-search docker-molecule-search docker-question-answering docker-recommender docker-vision-search docker-audio-search
docker-image-search: ## Build image-search's image and run it with Milvus and Redis (docker/README.md)
docker-molecule-search: ## The same for molecule-search
docker-question-answering: ## The same for question-answering
docker-recommender: ## The same for recommender
docker-vision-search: ## The same for vision-search
docker-audio-search: ## The same for audio-search
docker-image-search docker-molecule-search docker-question-answering docker-recommender docker-vision-search docker-audio-search: docker-%:
	@$(COMPOSE) -f docker/$*/compose.yaml up --build --detach
	@for second in {1..60}; do $(COMPOSE) -f docker/$*/compose.yaml exec -T app $* health && break; sleep 1; done
	@echo "the page is at http://localhost:8080; sample data: make docker-samples SOLUTION=$*"

.PHONY: docker-samples
docker-samples: solution = $(or $(SOLUTION),image-search)
docker-samples: ## Import sample data into the containers (SOLUTION=image-search|molecule-search|question-answering|recommender|vision-search|audio-search)
	@$(COMPOSE) -f docker/$(solution)/compose.yaml exec -T app $(solution) \
		$(if $(filter vision-search,$(solution)),demo --no-serve,import /samples$(if $(filter question-answering,$(solution)),/questions)$(if $(filter recommender,$(solution)),/ratings))

.PHONY: docker-down
docker-down: ## Stop all containers; data is kept
	@for file in docker/*/compose.yaml; do $(COMPOSE) -f $$file down; done

.PHONY: docker-check
docker-check: ## Check the Dockerfile, the compose files and the shell scripts (fast, needs no engine)
	@scripts/docker-check

.PHONY: docker-test
docker-test: ## Test the deployments on stand-in images, including failures and restore (SOLUTION=… for one; skipped without Docker)
	@docker/test/run $(SOLUTION)

.PHONY: bench-store
bench-store: ## Compare the local store with usearch, faiss and hnswlib (SCALE=100k|1m|all)
	@scripts/system-packages g++ python3-venv
	@scripts/bench-peers
	@cargo run --release --locked --quiet -p bootcamp-bench -- store $(SCALE) $(PART)

.PHONY: bench-encode
bench-encode: ## Compare the encoders with ONNX Runtime alone and Python (PART=pictures|text|memory)
	@scripts/system-packages g++ python3-pip python3-venv
	@scripts/reference
	@scripts/sample-pictures
	@cargo run --release --locked --quiet -p bootcamp-bench -- encode $(PART)

.PHONY: bench-image
bench-image: ## Compare image-search with ONNX Runtime alone and Python (PART=import|http|start|quality)
	@scripts/system-packages g++ python3-pip python3-venv
	@scripts/reference
	@scripts/bench-peers image
	@scripts/sample-pictures
	@cargo build --release --locked --quiet -p image-search -p bootcamp-bench
	@$${CARGO_TARGET_DIR:-target}/release/bootcamp-bench image $(PART)

.PHONY: bench-molecule
bench-molecule: ## Compare molecule-search with RDKit and FPSim2 (PART=fingerprints|similar|threshold|substructures|import [SCALE=1m])
	@scripts/system-packages g++ python3-pip python3-venv
	@scripts/bench-peers molecule
	@scripts/sample-molecules
	@cargo build --release --locked --quiet -p molecule-search -p bootcamp-bench
	@$${CARGO_TARGET_DIR:-target}/release/bootcamp-bench molecule $(PART) $(if $(PART),$(filter 1m,$(SCALE)))

.PHONY: bench-vision
bench-vision: ## Measure vision-search on a million samples (SCALE=100k for fewer), or how well it finds (PART=quality)
	@scripts/system-packages g++ python3
	@cargo build --release --locked --quiet -p vision-search
	@scripts/bench-vision $(PART) $(if $(PART),,$(if $(filter 100k,$(SCALE)),100000))

.PHONY: bench-qa
bench-qa: ## Measure how well question-answering finds, beside the same search in Python (PART=quality|languages|speed)
	@scripts/system-packages g++ python3-pip python3-venv
	@scripts/reference-questions
	@scripts/test-servers
	@cargo build --release --locked --quiet -p question-answering
	@scripts/bench-qa $(PART)

.PHONY: bench-audio
bench-audio: ## Measure audio-search beside chromaprint, FFmpeg and Python (PART=quality|same|speed|decode)
	@scripts/system-packages g++ python3-pip python3-venv ffmpeg libchromaprint-tools
	@scripts/bench-peers audio
	@scripts/sample-sounds
	@cargo build --release --locked --quiet -p audio-search -p bootcamp-bench
	@.cache/bench-peers-audio/bin/python scripts/bench-audio $(PART)

.PHONY: bench-recommender
bench-recommender: ## Measure recommender beside implicit on MovieLens 100K and made ratings (PART=quality|random|new-items|speed|large)
	@scripts/system-packages g++ python3-pip python3-venv
	@scripts/bench-peers recommender
	@scripts/sample-ratings
	@cargo build --release --locked --quiet -p recommender
	@scripts/bench-recommender $(PART)

.PHONY: interop-fiftyone
interop-fiftyone: ## Exchange datasets and indexes with the real FiftyOne, and compare speed (fetches 250 MB)
	@scripts/system-packages g++ python3-venv
	@scripts/interop-fiftyone-setup
	@cargo build --release --locked --quiet -p vision-search
	@scripts/interop-fiftyone

.PHONY: setup
setup: ## Install what the tests need: system packages, cargo-nextest, test servers
	@scripts/setup

.PHONY: clean-cache
clean-cache: ## Remove downloads and benchmark data (.cache/ and data/bench/)
	@rm -rf .cache data/bench
