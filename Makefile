# The commands of the README. Each sets up .venv first, with the versions of constraints.txt.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --constraint constraints.txt

CPP = $(shell find csrc -name '*.h' -o -name '*.cpp' -o -name '*.cu' -o -name '*.cuh')
NATIVE := CMakeLists.txt pyproject.toml $(shell find csrc -type f)

EPOCHS ?= 80
OUTPUT ?= runs/heatmap
FLAGS ?=

.PHONY: help setup train test lint format wheel clean

help:
	@echo "make train DATA=/path/to/coco   train a lower-body model (EPOCHS, OUTPUT, FLAGS)"
	@echo "make test                       run the tests"
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

train: setup
ifndef DATA
	@echo "make train needs a data set: make train DATA=/path/to/coco" >&2
	@echo "The folder has COCO's own layout: train2017/ and val2017/ with the images, and" >&2
	@echo "annotations/person_keypoints_train2017.json and person_keypoints_val2017.json." >&2
	@exit 2
else
	$(BIN)/python -m python_models.train_heatmap --data '$(DATA)' --epochs $(EPOCHS) \
		--output '$(OUTPUT)' $(FLAGS)
endif

test: setup
	$(BIN)/python -m pytest $(FLAGS)

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
