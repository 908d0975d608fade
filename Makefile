PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: all demo test check format clean

all: $(VENV)/installed

# A virtual environment with the pinned versions, made once and again when the pins change.
$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

demo: $(VENV)/installed
	rm -rf runs/demo
	$(BIN)/vaekit train digits --latent 2 --output runs/demo
	@echo
	@echo "The report, with pictures: $(CURDIR)/runs/demo/report.html"

test: $(VENV)/installed
	OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive $(BIN)/python -m pytest

check: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) runs .pytest_cache .mypy_cache .ruff_cache
