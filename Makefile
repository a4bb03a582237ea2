# What a machine offers; docs/reference/commands.md says more of each.
SHELL := /bin/sh
.PHONY: help up down test bench soak words pictures

TESTS := $${WERKPLAATS_TEST_ROOT:-/var/lib/werkplaats-tests}
PO := hub_config/werkplaats_hub/locale/nl/LC_MESSAGES/werkplaats.po

help:
	@echo 'make up        bring this machine up: Slurm, the Hub, people (as root)'
	@echo 'make down      stop what `make up` started; work and accounts stay'
	@echo 'make test      set up what the tests need, and run them all (as root)'
	@echo 'make bench     the benchmarks, each beside its peer; one JSON line a figure'
	@echo 'make soak      the long rounds: guarantees under load (as root; WERKPLAATS_SOAK_MINUTES)'
	@echo 'make words     collect new sentences for translation'
	@echo 'make pictures  take the pictures in docs/ anew, with the browser test'

up:
	@sh hub_config/single_machine/bootstrap.sh

down:
	@/opt/werkplaats/hub/bin/werkplaats down

test:
	@sh tests/run.sh

bench:
	@sh benchmarks/run.sh

soak:
	@sh tests/run.sh tests/integration -m soak -q -s

words:
	@sh tests/run.sh prepare
	@bin=$(TESTS)/opt/test/bin; pot=$$(mktemp); \
	$$bin/pybabel -q extract -F hub_config/babel.cfg --no-location --sort-output --no-wrap -o $$pot hub_config spawners extensions/werkplaats_desk && \
	$$bin/pybabel -q update -i $$pot -o $(PO) -l nl --no-fuzzy-matching --ignore-obsolete --no-wrap --ignore-pot-creation-date && \
	sed -i '/^"\(Report-Msgid-Bugs-To\|POT-Creation-Date\|PO-Revision-Date\|Last-Translator\|Language-Team\|Generated-By\):/d' $(PO); \
	rm -f $$pot

pictures:
	@sh tests/run.sh tests/integration/test_browser.py -q -k nl
	@cp tests/screenshots/2-start-more-nl.png docs/start-page.png
