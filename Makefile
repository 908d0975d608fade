PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# Python compiles what is imported, when it is; pip would compile all of torch, which takes longer.
INSTALL := $(BIN)/pip install --quiet --no-compile --disable-pip-version-check -c constraints.txt

.PHONY: all demo docs test test-long check format clean bench

all: $(VENV)/installed

# A virtual environment with the pinned versions, made once and again when the pins change: what
# the package needs, and on top of it what its tests need.
$(VENV)/usable: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) -e .
	touch $@

$(VENV)/installed: $(VENV)/usable
	$(INSTALL) -e '.[dev]'
	touch $@

demo: $(VENV)/usable
	rm -rf runs/demo
	$(BIN)/vaekit train digits --latent 2 --epochs 150 --output runs/demo
	@echo
	@echo "The report, with pictures: $(CURDIR)/runs/demo/report.html"

# The documentation as a site in site/, that loads nothing from elsewhere. Warnings are errors.
docs: $(VENV)/documented
	$(BIN)/sphinx-build -W --keep-going -q -b html docs site
	@echo "The first page: $(CURDIR)/site/index.html"

$(VENV)/documented: $(VENV)/usable
	$(INSTALL) -e '.[docs,serve]'
	touch $@

test: $(VENV)/installed
	OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive $(BIN)/python -m pytest -n auto --dist worksteal --durations=25

# The same, and tests that take minutes each.
test-long: $(VENV)/installed
	OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive $(BIN)/python -m pytest -n auto --dist worksteal --long

# Speed beside peers, each in an environment of its own. Let nothing else run meanwhile.
bench: $(VENV)/installed $(VENV)-pythae/installed $(VENV)-keras/installed
	$(BIN)/python benchmarks/speed/training.py --pythae $(VENV)-pythae/bin/python --keras $(VENV)-keras/bin/python
	$(BIN)/python benchmarks/speed/elbo.py --pythae $(VENV)-pythae/bin/python --keras $(VENV)-keras/bin/python
	$(BIN)/python benchmarks/speed/nll.py --peer $(VENV)-pythae/bin/python
	$(BIN)/python benchmarks/speed/layers.py --threads 2
	$(BIN)/python benchmarks/pages.py

$(VENV)-pythae/installed: constraints.txt
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/pip install --quiet -c constraints.txt torch
	$(@D)/bin/pip install --quiet pythae
	touch $@

$(VENV)-keras/installed:
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/pip install --quiet keras tensorflow-cpu jax
	touch $@

check: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) $(VENV)-pythae $(VENV)-keras runs site .pytest_cache .mypy_cache .ruff_cache
