# Keydesk. `make demo` shows it, `make test` checks it.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo install test check bench format text clean

demo:
	@$(PYTHON) tools/install.py demo
	@$(BIN)/keydesk demo $(DEMO)

install:
	@$(PYTHON) tools/install.py kiosk

test:
	@$(PYTHON) tools/install.py test
	@$(MAKE) --no-print-directory check
	$(BIN)/pytest -n 2 --dist loadgroup

check:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy tests tools bench
	$(BIN)/lint-imports

bench:
	@$(PYTHON) tools/install.py test
	$(BIN)/python -m bench

format:
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

text:
	$(BIN)/python tools/catalogue.py

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
