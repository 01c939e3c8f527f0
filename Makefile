# Everything a developer or CI runs. `make` alone lists it.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
# Real peers of the tests: a softphone, a traffic generator, a registrar and dispatcher, a scanner, human speech,
# a browser, a watcher, a reader of captured SIP, and what nodes share: a database and a bus.
PEERS := baresip-core sip-tester kamailio coturn sipvicious asterisk-core-sounds-en-wav chromium prometheus \
  sngrep postgresql nats-server
# What is built from C, if it can be: the media thread without Python (sipagent/legs/rings.c).
COMPILER := gcc libc6-dev

.PHONY: help
help: ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

.PHONY: demo
demo: $(VENV)/.installed ## a real SIP call into the agent, ending with recording, transcript and picture
	$(BIN)/sipagent demo

.PHONY: run
run: $(VENV)/.installed ## serve with sipagent.yaml (made from the commented example when missing)
	@test -f sipagent.yaml || cp sipagent.example.yaml sipagent.yaml
	$(BIN)/sipagent serve

.PHONY: test
test: ## the whole suite
	@$(MAKE) --no-print-directory -j2 $(VENV)/.installed peers
	@$(MAKE) --no-print-directory style
	@mkdir -p build
	@# types are looked at beside the first tests, which mostly wait for calls
	@echo "$(BIN)/mypy, beside the next"; \
	nice $(BIN)/mypy >build/mypy.log 2>&1 & types=$$!; \
	$(BIN)/pytest -q -n 4 --dist loadgroup -m "not alone"; tests=$$?; \
	wait $$types || { cat build/mypy.log; exit 1; }; \
	exit $$tests
	$(BIN)/pytest -q -m alone

.PHONY: check
check: $(VENV)/.installed static ## the quick loop: format, lint, types, import contract, unit tests
	$(BIN)/pytest -q -n 2 -m "not peer and not slow and not alone"

.PHONY: static
static: style
	$(BIN)/mypy

.PHONY: style
style: $(VENV)/.installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports

.PHONY: matrix
matrix: $(VENV)/.installed peers ## docs/*-matrix.md, written from marked tests that pass
	@rm -f build/rfc.json build/swml.json
	-$(BIN)/pytest -q -n 2 --dist loadgroup -m "(rfc or swml) and not alone"
	-$(BIN)/pytest -q -m "(rfc or swml) and alone"
	$(BIN)/python -m sipagent.testing.matrix

.PHONY: fuzz
fuzz: $(VENV)/.installed ## 200,000 damaged messages at the edge, the HTTP API by its document, then 10 minutes at the parser by coverage
	$(BIN)/python -m sipagent.testing.fuzz
	$(BIN)/python -m sipagent.testing.fuzz --http 100
	$(BIN)/pip install -q --disable-pip-version-check "atheris>=3,<4"
	$(BIN)/python -m sipagent.testing.fuzz.guided

.PHONY: soak
soak: $(VENV)/.installed peers ## 10,000 SIPp calls at 50/s with CANCEL, BYE, hold and loss: nothing may be left
	$(BIN)/python -m sipagent.testing.soak

.PHONY: bench
bench: $(VENV)/.installed ## the figures of this machine, beside the goals
	$(BIN)/sipagent bench

.PHONY: bed
bed: $(VENV)/.installed ## agents tried on scripted callers: four hours of talk simulated, then over SIP and RTP
	$(BIN)/python -m sipagent.testing.bed --hours 4 --out build/bed
	$(BIN)/python -m sipagent.testing.bed --real --hours 0.1 --out build/bed-real

.PHONY: faults
faults: $(VENV)/.installed ## faults sown into every example dialplan: do its scenarios find them?
	$(BIN)/python -m sipagent.testing.mutation dialplans

.PHONY: endurance
endurance: $(VENV)/.installed ## 20 calls of unbroken conversation for half an hour: nothing may grow, drift or stick
	$(BIN)/python -m sipagent.testing.bed.endurance

.PHONY: capacity
capacity: $(VENV)/.installed ## how many conversations this machine holds, every configuration (35 min); docs/capacity.md gets the table
	$(BIN)/sipagent bench capacity --with all --folder build/capacity
	$(BIN)/python -m sipagent.testing.capacity.publish build/capacity

.PHONY: hour
hour: $(VENV)/.installed ## 40 conversations that come and go for an hour: memory, files and disk must stay as they are
	$(BIN)/python -m sipagent.testing.capacity.hour

.PHONY: lock
lock: $(VENV)/.installed ## refresh requirements.lock from pyproject.toml
	$(BIN)/pip install -q "pip-tools>=7.5,<8"
	$(BIN)/pip-compile -q --upgrade --extra dev --generate-hashes --allow-unsafe --strip-extras \
	  --no-emit-index-url --no-emit-trusted-host --no-emit-find-links -o requirements.lock pyproject.toml

.PHONY: python
python:
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is needed: set PYTHON=... to a Python 3.11 or 3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || $(MAKE) --no-print-directory system PACKAGES=$(notdir $(PYTHON))-venv

.PHONY: compiler
compiler: | python  # never two of apt at once
	@command -v cc >/dev/null || $(MAKE) --no-print-directory system PACKAGES="$(COMPILER)" || \
	  echo "Going on without it: the media thread runs Python then, at more CPU for each call."

$(VENV)/.installed: pyproject.toml requirements.lock setup.py sipagent/legs/rings.c | python compiler
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q --disable-pip-version-check --no-compile --require-hashes -r requirements.lock
	$(BIN)/pip install -q --disable-pip-version-check --no-deps -e .
	@# On all processors, which pip does not; a third of a process's start, where Python may not keep
	@# what it compiled. Packages ship files for other Pythons, too.
	@$(BIN)/python -m compileall -qq -j0 $(VENV)/lib || true
	@$(BIN)/python -m compileall -q sipagent
	@touch $@

.PHONY: peers
peers: | python compiler  # never two of apt at once
	@$(MAKE) --no-print-directory system PACKAGES="$(PEERS)"

# Install Debian packages that are missing; without root, say the one command that does.
.PHONY: system
system:
	@missing=""; for p in $(PACKAGES); do \
	  dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q 'install ok installed' || missing="$$missing $$p"; done; \
	if [ -n "$$missing" ]; then \
	  if [ "$$(id -u)" = 0 ]; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $$missing >/dev/null; \
	  else echo "Missing:$$missing. Run: sudo apt-get install -y --no-install-recommends$$missing"; exit 1; fi; fi
