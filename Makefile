# Every command that a person or CI runs. CONTRIBUTING.md says when to use which.
.DEFAULT_GOAL := help
.PHONY: help run test lint replay fmt openapi clean-data check

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## build and start everything on this machine; Ctrl-C stops it; ports and folder by environment (dev/src/config.rs)
	@cargo build -p api -p activities -p dev --bins && exec cargo run -q -p dev

test: ## every test, beside its own PostgreSQL, Redis and Temporal; ARGS="-p api book" runs some
	@scripts/services run -- cargo test $(or $(ARGS),--workspace)

lint: ## formatting, clippy, rustdoc, import rules, licences, unused dependencies, scripts
	@scripts/lint

replay: ## recorded histories against the workflows of today
	@cargo test -p workflows --test it replay

fmt: ## format the code
	@cargo fmt --all

openapi: ## write api/openapi.json anew
	@cargo run -q -p api -- openapi > api/openapi.json.new && mv api/openapi.json.new api/openapi.json

clean-data: ## forget all that `make run` has kept
	@rm -rf $(or $(DEV_DIR),.dev)

check: lint test ## what CI runs
