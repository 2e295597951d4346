# Every command that a person or CI runs. CONTRIBUTING.md says when to use which.
.DEFAULT_GOAL := help
.PHONY: help run test test-keycloak test-schema lint charts charts-api backup-check metrics rollout replay record fmt openapi configuration clean-data image image-check fleet bench micro check

# Tests wait more than they work: for mails, retries, and whoever died.
MANY := RUST_TEST_THREADS=$${RUST_TEST_THREADS:-$$((2 * $$(getconf _NPROCESSORS_ONLN)))}

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## build and start everything on this machine; Ctrl-C stops it; ports and folder by environment (dev/src/config.rs)
	@cargo build --workspace --bins && exec cargo run -q --bin dev

test: ## every test, beside its own PostgreSQL, Redis and Temporal; ARGS="-p api book" runs some
	@$(MANY) scripts/services run -- cargo test $(or $(ARGS),--workspace)

test-keycloak: ## logins and tokens of a real Keycloak; ARGS="rotation" runs some
	@scripts/services run --keycloak -- cargo test --workspace --test keycloak -- $(ARGS)

test-schema: ## a fuzzer reads the contract and tries a running service; MAX_TIME=90 bounds its seconds
	@cargo test -q --workspace --test it --no-run && scripts/schema

lint: ## formatting, clippy, rustdoc, import rules, licences, unused dependencies, scripts
	@scripts/lint

charts: ## the charts: lint, schemas, policies, wrong values, variables, arrows; needs no cluster
	@scripts/charts

charts-api: ## install, upgrade and roll back both charts on a real Kubernetes API; builds it once, for a quarter of an hour
	@scripts/charts-api

backup-check: ## back up to an S3-compatible storage, lose everything in five ways, and restore it; ROWS=20000 sessions
	@cargo build -q -p migration && scripts/backup-check $(ROWS)

metrics: ## whether the processes expose what alerts and dashboards name; WRITE=--write notes what they expose now
	@cargo build -q --workspace --bins && scripts/metrics $(WRITE)

rollout: ## sessions of an earlier release go on under this one; BEFORE=commit, ROLLOUT_SESSIONS=200
	@scripts/rollout

replay: ## recorded histories against the workflows of today
	@cargo test --workspace --test it replay

record: ## write the histories of today's workflows anew, before their order changes
	@RECORD_HISTORIES=$(CURDIR)/workflows/tests/histories scripts/services run -- cargo test --workspace --test it -- ::repeats

fmt: ## format the code
	@cargo fmt --all

openapi: ## write api/openapi.json anew
	@cargo run -q -p api -- openapi > api/openapi.json.new && mv api/openapi.json.new api/openapi.json

configuration: ## write the table of docs/configuration.md anew
	@WRITE_DOCS=1 cargo test -q -p settings --lib the_documentation

image: ## build the image of API, worker and migrations, named by the commit; scripts/image says by what and how
	@scripts/image

image-check: ## build it, and book a session with it, run from its own root as nobody
	@name=$$(IMAGE_TOOL=buildah scripts/image) && scripts/services run -- scripts/image-check "$$name"

clean-data: ## forget all that `make run` has kept
	@rm -rf $(or $(DEV_DIR),.dev)

fleet: ## reminders due at once, sent by as many workers as the cluster's rule has; SCALING_REMINDERS=120, SCALING_MINUTES=1, SCALING_WORKER=program
	@scripts/services run -- cargo test --workspace --test it -- --nocapture --ignored scaling::

bench: ## how fast, as ratios; BAR=3 measures one bar (scripts/bench has more)
	@BAR="$(BAR)" scripts/bench

micro: ## small measurements: slots, tokens, JSON, rows
	@scripts/services run -- cargo bench -q -p bench --features micro

check: lint charts test test-keycloak test-schema ## what CI runs
