# The commands of a newcomer. Each sets up what it needs first, and does nothing twice.

.PHONY: help setup demo test check clean
.NOTPARALLEL:

help:
	@echo "make demo    set up everything, then run the cloud gaming scenario"
	@echo "make setup   set up everything: packages, virtual environment, embedded kernel"
	@echo "make test    the whole test suite"
	@echo "make check   format, lint, types, import contracts, unit and golden tests"
	@echo "make clean   remove the virtual environment (built kernels stay in the user's cache)"

setup:
	@tools/setup.sh python kernel

demo: setup
	.venv/bin/testbed run cloud_gaming

test:
	@tools/setup.sh python kernel browser vagrant iperf3
	.venv/bin/python -m pytest --numprocesses auto --dist loadfile --ignore tests/virtual
	.venv/bin/python -m pytest tests/virtual

check:
	@tools/setup.sh python
	.venv/bin/ruff format --check
	.venv/bin/ruff check
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/python -m pytest --numprocesses auto tests/unit tests/golden

clean:
	rm -rf .venv
