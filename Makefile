PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin

.PHONY: check
check:
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -q -m "not peer and not slow"
