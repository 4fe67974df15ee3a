# Keydesk. `make demo` shows it, `make test` checks it.
PYTHON ?= python3
BIN := .venv/bin

# Without it each of the many processes of a test would compile the whole program again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo install install-central test all-tests quick quick-tests check bench soak mutate record format text wheels hooks clean

demo:
	@$(PYTHON) tools/install.py demo
	@$(BIN)/keydesk demo $(DEMO)

install:
	@$(PYTHON) tools/install.py kiosk

install-central:
	@$(PYTHON) tools/install.py central

# The checks beside the tests, since each of them keeps one processor busy at most.
test:
	@$(PYTHON) tools/install.py test
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target check all-tests

# More workers than cores: a test of the screens or of a process waits most of its time (tests/support/lanes.py). The plus sign lets
# make show dots at once.
all-tests:
	+$(BIN)/pytest -n 5 --dist loadgroup

# What is worth running at every change: the checks, the rules and the desk's verbs; under a minute.
quick:
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target check quick-tests

quick-tests:
	$(BIN)/pytest -n 2 --tier quick

check:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/structure.py

# Every point at which a key can be pulled out of a real reader, not a sample of them: some twenty minutes. Then planted faults that
# the histories must find, and as many histories as an hour allows (KEYDESK_HISTORIES_SECONDS).
soak:
	@$(PYTHON) tools/install.py test
	$(BIN)/pytest -s --tier soak

# Whether the tests of the domain and the desk notice a broken rule: 500 of them, half an hour. MUTATE= takes its options.
mutate:
	@$(PYTHON) tools/install.py test
	$(BIN)/python -m tools.mutate $(MUTATE)

# BENCH= takes its options, as --rows 1000000 for the centre's lists.
bench:
	@$(PYTHON) tools/install.py test
	$(BIN)/python -m bench $(BENCH)

# A centre and its kiosks as this version leaves them, with something open in every state: a minute or two. NAME= is its folder's.
record:
	@$(PYTHON) tools/install.py test
	$(BIN)/python -m tests.support.recording $(NAME)

format:
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

text:
	$(BIN)/python tools/catalogue.py

# Whether everything that is locked installs on aarch64, asked of the registry.
wheels:
	$(BIN)/python tools/aarch64.py

# git runs from now on what CI checks before every commit; no network, nothing to install.
hooks:
	git config core.hooksPath tools/hooks

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
