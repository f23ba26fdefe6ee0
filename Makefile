# The common tasks. Go alone does the rest: see README.md.

COMMIT := $(shell git describe --always --dirty --abbrev=12 2>/dev/null)

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' Makefile

build: ## build ./optbench, stamped with the commit
	go build -ldflags "-X main.commit=$(COMMIT)" -o optbench ./cmd/optbench

test: ## run the tests
	go test ./...

check: ## run all that CI checks
	bash .ci/run

generate: ## write the generated files anew
	go generate ./...

ptx: ## write the PTX of the CUDA kernels anew; needs nvcc 11.8
	sh kernels/cuda/ptx.sh

fresh: ## check that the generated files are what generate writes
	bash .ci/run fresh

bench: ## run the Go benchmarks: kernels beside their limit, and overheads
	go test -run '^$$' -bench . ./backend

.PHONY: help build test check generate ptx fresh bench
