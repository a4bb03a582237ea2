# What a machine offers; docs/reference/commands.md says more of each.
SHELL := /bin/sh
.PHONY: help up down test bench soak words

help:
	@echo 'make up     bring this machine up: Slurm, the Hub, people (as root)'
	@echo 'make down   stop what `make up` started; work and accounts stay'
	@echo 'make test   set up what the tests need, and run them all (as root)'
	@echo 'make bench  the benchmarks, each beside its peer; one JSON line a figure'
	@echo 'make words  collect new sentences for translation'

up:
	@sh hub_config/single_machine/bootstrap.sh

down:
	@/opt/werkplaats/hub/bin/werkplaats down

test:
	@sh tests/run.sh

bench:
	@sh benchmarks/run.sh
