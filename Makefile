GO ?= go

.PHONY: build
build: ## Build the tidegate binary
	$(GO) build -o tidegate .
