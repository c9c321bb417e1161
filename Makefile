# Sets this checkout up and runs the main jobs. Everything is here after `make deploy` or `make test`; nothing that is
# already installed is fetched again. `make help` lists the targets and what can be overridden.

TARGET ?= stm32
PORT   ?= auto
EXAMPLE := examples/digits/build

# The example brings its own data; a model of yours comes with DATA= or, when it is a full-integer .tflite, without.
ifeq ($(strip $(MODEL)),)
MODEL := $(EXAMPLE)/digits.keras
DATA  ?= $(EXAMPLE)/digits.npz
endif

VENV   := .venv
BIN    := $(VENV)/bin
STAMPS := $(VENV)/stamps
RUN    := $(STAMPS)/run
DEV    := $(STAMPS)/dev
# Only make fills this environment; a package from elsewhere must not slip into it.
export PYTHONNOUSERSITE := 1
unexport PYTHONPATH PYTHONHOME

JOB := "$(MODEL)" $(if $(strip $(DATA)),--data "$(DATA)") $(if $(strip $(OUT)),--out "$(OUT)") $(ARGS)
# An own copy of the example is trained only when it is what was asked for.
EXAMPLE_FILES := $(if $(filter $(EXAMPLE)/%,$(MODEL)),$(EXAMPLE)/digits.keras)
# Random cases of each operator, and what they begin with: make nightly SEED=1 repeats a run.
CASES ?= 200
SEED  ?= $(shell od -An -N4 -tu4 /dev/urandom | tr -d ' ')
JOBS ?= $(shell nproc 2>/dev/null || sysctl -n hw.ncpu 2>/dev/null || echo 2)

.DEFAULT_GOAL := help
.PHONY: help deploy emulate profile compile doctor test test-converters nightly conformance accuracy bench bench-check lint format setup setup-dev system lock clean
.DELETE_ON_ERROR:

help:
	@echo "make deploy  TARGET=stm32   model to firmware, flashed and measured (the digits example by default)"
	@echo "make profile TARGET=stm32   latency on the board, layer by layer"
	@echo "make emulate                the same C as a process of this computer"
	@echo "make compile TARGET=stm32   C sources only"
	@echo "make doctor                 what is installed, what is missing"
	@echo "make test                   all the tests            (ARGS= goes to pytest)"
	@echo "make nightly                random cases of every operator, new ones each time (CASES=$(CASES) each; SEED= repeats a run)"
	@echo "make conformance            every case, random cases and whole networks: how many codes are compared and differ"
	@echo "make test-converters        ONNX and PyTorch, each in an environment of its own (EXTRAS=onnx for one)"
	@echo "make accuracy               weights below int8 on the digits and MLPerf Tiny's data: minutes (MCUFORGE_REFERENCE=FOLDER)"
	@echo "make bench                  measure the MLPerf Tiny networks, store figures, tables and plots (SET=twins for one set)"
	@echo "make bench-check            measure them and compare with the stored figures"
	@echo "make lint, make format      check or apply the style"
	@echo "make setup                  only what a run needs    make lock: pin the dependencies anew"
	@echo "make clean                  remove what make made, .venv included"
	@echo
	@echo "MODEL=$(MODEL) DATA=$(DATA) TARGET=$(TARGET) PORT=$(PORT) OUT=$(if $(OUT),$(OUT),mcuforge-out/NAME)"
	@echo "ARGS= is added to the command line; PYTHON= names the Python to build .venv with."

deploy: setup $(EXAMPLE_FILES)
	$(BIN)/mcuforge deploy $(JOB) --target "$(TARGET)" --port "$(PORT)"

profile: setup $(EXAMPLE_FILES)
	$(BIN)/mcuforge profile $(JOB) --target "$(TARGET)" --port "$(PORT)"

emulate: setup $(EXAMPLE_FILES)
	$(BIN)/mcuforge emulate $(JOB)

compile: setup $(EXAMPLE_FILES)
	$(BIN)/mcuforge compile $(JOB) --target "$(TARGET)"

doctor: setup
	$(BIN)/mcuforge doctor

$(EXAMPLE)/digits.keras: examples/digits/train.py | setup
	$(BIN)/python $<
	@touch $@

test: setup-dev
	$(BIN)/python -m pytest -n $(JOBS) $(ARGS)

nightly: SEED := $(SEED)
nightly: setup-dev
	@echo "SEED=$(SEED)"
	MCUFORGE_EXAMPLES="$(CASES)" MCUFORGE_SEED="$(SEED)" $(BIN)/python -m pytest -n $(JOBS) tests/test_ops_random.py $(ARGS)

test-converters: system
	PYTHON="$(PYTHON)" scripts/test-converters.sh $(EXTRAS)

conformance: setup-dev
	$(BIN)/python tests/conformance.py $(ARGS)

accuracy: setup-dev
	$(BIN)/python -m pytest -m slow tests/test_model_digits.py $(ARGS)
	@test -n "$$MCUFORGE_REFERENCE" || { echo "MCUFORGE_REFERENCE must name the folder of models/ and data/" >&2; exit 2; }
	$(BIN)/python -m pytest tests/test_accuracy.py -m "slow or not slow" $(ARGS)

bench: setup-dev
	$(BIN)/python -m benchmarks.bench $(if $(strip $(SET)),--set "$(SET)") $(ARGS)

bench-check: setup-dev
	$(BIN)/python -m benchmarks.bench --check $(if $(strip $(SET)),--set "$(SET)") $(ARGS)

lint: setup-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	scripts/clang-format.sh --check

format: setup-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	scripts/clang-format.sh

setup: system $(RUN)

setup-dev: PACKAGES = test
setup-dev: system $(DEV)

system:
	@TARGET="$(TARGET)" scripts/system-packages.sh $(PACKAGES)

$(RUN): requirements.lock pyproject.toml scripts/venv.sh | system
	@scripts/venv.sh requirements.lock
	@mkdir -p $(STAMPS) && touch $@

# The tests' lock holds everything of the other one, so that a run afterwards installs nothing.
$(DEV): requirements-dev.lock pyproject.toml scripts/venv.sh | system
	@scripts/venv.sh requirements-dev.lock
	@mkdir -p $(STAMPS) && touch $(RUN) $@

lock:
	scripts/lock.sh

clean:
	rm -rf $(VENV) .venv-onnx .venv-torch $(EXAMPLE) mcuforge-out build dist .mypy_cache .ruff_cache .pytest_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
