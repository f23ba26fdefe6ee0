# The common tasks. Go alone does the rest: see README.md.

COMMIT := $(shell git describe --always --dirty --abbrev=12 2>/dev/null)

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' Makefile

# CUDA needs a C compiler and no file of NVIDIA's: the header is the project's own,
# and what its libraries define is looked up when it is first called.
CUDA := CGO_ENABLED=1 CGO_CFLAGS="-O2 -g -Wno-deprecated-declarations -I$(CURDIR)/internal/cudashim/include" CGO_LDFLAGS="-O2 -g -Wl,-z,lazy" go

build: ## build ./optbench for CPU and CUDA, stamped with the commit; needs a C compiler
	$(CUDA) build -tags cuda -trimpath -ldflags "-X main.commit=$(COMMIT)" -o optbench ./cmd/optbench

test: ## run the tests
	go test ./...

test-cuda: ## test the CUDA backend on a simulated device; needs a C compiler
	bash .ci/run cuda

gpu-binaries: ## write bin/gpu, all that scripts/gpu.sh takes on a machine with a GPU
	mkdir -p bin/gpu
	$(CUDA) build -tags cuda -trimpath -ldflags "-s -w -X main.commit=$(COMMIT)" -o bin/gpu/optbench ./cmd/optbench
	$(CUDA) test -tags cuda -trimpath -ldflags "-s -w" -c -o bin/gpu/backend.test ./backend
	cp scripts/gpu.sh scripts/gpu_peers.py scripts/gpu_goals.py bin/gpu

check: ## run all that CI checks
	bash .ci/run

generate: ## write the generated files anew
	go generate ./...

docs: ## write the page on claims and the figures anew from recorded runs
	go run ./cmd/optbench claims page results/epyc-zen4-2vcpu/claims.jsonl -o docs/claims.md
	go run ./cmd/optbench plot speed results/epyc-zen4-2vcpu/regimes.jsonl -o docs/cpu/regimes.svg

ptx: ## write the PTX of the CUDA kernels anew; needs nvcc 11.8
	sh kernels/cuda/ptx.sh

fresh: ## check that the generated files are what generate writes
	bash .ci/run fresh

bench: ## run the Go benchmarks: kernels beside their limit, and overheads
	go test -run '^$$' -bench . ./backend

.PHONY: help build test test-cuda gpu-binaries check generate docs ptx fresh bench
