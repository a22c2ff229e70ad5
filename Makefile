# The commands of the README. Each sets up .venv first, with the versions of constraints.txt.
PYTHON ?= python3
VENV := .venv
EMULATED := build/emulated
EXTENSION = $(shell $(BIN)/python -c 'import sysconfig; print(sysconfig.get_config_var("EXT_SUFFIX"))')
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --constraint constraints.txt

CPP = $(shell find csrc tests/cuda_emulator -name '*.h' -o -name '*.cpp' -o -name '*.cu' -o -name '*.cuh')
NATIVE := CMakeLists.txt pyproject.toml $(shell find csrc -type f)

DATA ?=
OUTPUT ?= runs/heatmap
FLAGS ?=
WORKERS ?= 2
BENCH ?= benchmarks

# Without DATA: pictures that are made here, small enough for two cores and five minutes.
SQUATS := runs/synthetic-squats
EXPERIMENT ?= $(if $(DATA),,squats_dilated_cnn)

.PHONY: help setup train reports test bench instructions gpu-check lint format wheel clean

help:
	@echo "make train                      train a lower-body model on pictures made here"
	@echo "make train DATA=/path/to/coco   train on COCO (EXPERIMENT, OUTPUT, FLAGS)"
	@echo "make reports COCO=/path/to/coco train all three models, remake docs/runs (FLAGS)"
	@echo "make test                       run the tests (WORKERS processes; FLAGS)"
	@echo "make bench                      compare the operations with what others use (BENCH, FLAGS)"
	@echo "make instructions               count the CPU kernels' instructions anew"
	@echo "make gpu-check                  build, test and time the kernels on this machine's GPU (FLAGS)"
	@echo "make lint                       check style and types"
	@echo "make format                     mend style"
	@echo "make wheel                      build a wheel into dist/"

setup: $(VENV)/installed

# The build tools come first: the editable install builds with them, without isolation, so that its
# build folder can be used again.
$(VENV)/tools: constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) scikit-build-core pybind11 ninja
	touch $@

$(VENV)/installed: $(VENV)/tools $(NATIVE)
	$(INSTALL) --no-build-isolation --config-settings=build-dir=build/editable --editable '.[dev]'
	touch $@

train: setup $(if $(DATA),,$(SQUATS))
	$(BIN)/python -m python_models.train_heatmap --data '$(or $(DATA),$(SQUATS))' \
		--output '$(OUTPUT)' $(if $(EXPERIMENT),--experiment $(EXPERIMENT)) $(FLAGS)

# The committed reports, made anew: all three models on synthetic squats and, where COCO names a
# folder in its layout, on one batch of it. An hour on two cores; what is there is gone on with.
reports: setup $(SQUATS)
	$(BIN)/python -m python_models.make_reports --squats $(SQUATS) \
		$(if $(COCO),--coco '$(COCO)') --output docs/runs $(FLAGS)

# The folder appears when it is complete.
$(SQUATS): | setup
	$(BIN)/python -m python_models.data.synthetic_squats --output $@ --train 1600 --val 150

# The CUDA kernels on the CPU, where CUDA's headers are; elsewhere an empty build and skipped tests.
$(EMULATED)/built: $(VENV)/tools $(NATIVE) $(shell find tests/cuda_emulator -type f)
	mkdir -p build
	cmake -G Ninja -S . -B $(EMULATED) -DCMAKE_BUILD_TYPE=RelWithDebInfo \
		-DLOWERPOSE_CUDA=OFF -DLOWERPOSE_EMULATED=ON \
		-DCMAKE_MAKE_PROGRAM=$(CURDIR)/$(BIN)/ninja -DPython_EXECUTABLE=$(CURDIR)/$(BIN)/python \
		-Dpybind11_DIR=$$($(BIN)/python -m pybind11 --cmakedir) >$(EMULATED).log
	cmake --build $(EMULATED) --target emulated
	touch $@

# A worker begins with a stretch of neighbouring tests, so fixtures of a file are seldom made twice.
# WORKERS=0: one after the other, in this process. Threads that wait in a loop would take the cores
# from the other workers'.
test: setup $(EMULATED)/built
	LOWERPOSE_EMULATED=$$(ls $(CURDIR)/$(EMULATED)/hooks/_C_emulated$(EXTENSION) 2>/dev/null) \
		OMP_WAIT_POLICY=passive $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(FLAGS)

bench: setup
	$(BIN)/python -m pytest $(BENCH) --benchmark-only --benchmark-quiet \
		--results benchmarks/results $(FLAGS)

# What tests/test_instruction_counts.py compares with; needs valgrind.
instructions: setup
	$(BIN)/python -m tests.instruction_counts

# With the Python and torch that are there, and no .venv: such machines often have no network.
gpu-check:
	@$(PYTHON) benchmarks/gpu_check.py $(FLAGS)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/clang-format --dry-run --Werror $(CPP)

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/clang-format -i $(CPP)

# Every GPU architecture that CMake knows, where CUDA is built at all.
wheel: setup
	CUDAARCHS=$${CUDAARCHS:-all} $(BIN)/python -m pip wheel --no-deps --wheel-dir dist .

clean:
	rm -rf $(VENV) build dist
