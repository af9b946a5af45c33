# fhevm: an EVM chain that computes on encrypted integers.
#
#   make demo       build the node and run a confidential transfer end to end
#   make test       every check that a change must pass
#   make bench      measure and write bench/results/*.json
#   make bench-peers  measure beside TFHE-rs, print the ratios (needs cargo)
#   make lint       gofmt, go vet, staticcheck
#   make contracts  compile the Solidity sources, regenerate FHE.sol
#   make compilers  the library with every supported solc, and in a Foundry project
#   make attached   serve an anvil: deploy to it in both ways, compute and decrypt
#   make generate   regenerate all generated Go and assembly
#   make fuzz       a short fuzz of every decoder
#   make exhaustive every operation on every 8-bit input, in plain (minutes)
#   make noise      measure every stage's noise on 131072 samples (half an hour)
#   make matrix     every operation on every type with real keys (resumes; an hour)
#   make matrix-chain  every operation through a contract on a node (resumes; hours)
#   make neon       the arm64 kernels under qemu, where it is installed (minutes)
#   make race       concurrent packages under the race detector (needs a C compiler)
#   make hardhat    build the Hardhat plugin and test a project with it (needs the npm registry)
#   make dropin     code written for @fhevm/solidity, OpenZeppelin's contracts among it, on
#                   the node (needs the npm registry; 3 minutes on 2 cores)
#   make examples   test the examples on a node of their own (needs the npm registry; three minutes)
#   make soak       for SOAK (15m) faults of disk and cluster by seeds, in processes; then as long a
#                   disturbed cluster of real processes; every digest is compared. SEED repeats one
#   make adversaries  SEEDS (100) runs each of decryptions, resharings and key generations by
#                   real processes, one of which lies at random (an hour)
#   make vuln       known vulnerabilities, where their database can be reached

export CGO_ENABLED = 0

# Tests are not vetted once more: lint vets all packages, and more strictly.
GO      ?= go
TEST    := $(GO) test -vet=off
QEMU    ?= qemu-aarch64
BIN     := bin/fhevm-node
WASM    := sdk/wasm/dist/fhevm.wasm
FUZZ    ?= 20000x
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

.PHONY: build demo test unit portable e2e wasm lint contracts compilers attached generate fuzz smoke exhaustive noise matrix matrix-chain neon race vuln hardhat dropin examples soak adversaries bench bench-peers clean

build:
	$(GO) build -trimpath -ldflags "-X main.version=$(VERSION)" -o $(BIN) ./cmd/fhevm-node

demo: build
	$(BIN) demo

test: lint unit portable smoke attached wasm e2e

unit:
	$(TEST) -timeout 60m $$($(GO) list ./... | grep -v /e2e)

# The same bits without SIMD: compiled out, and switched off at run time. The schemes
# run their known answers, which say all: other tests would find the same bits. For
# a later amd64 and for arm64 the compiler fuses products with sums unless told not to.
portable:
	$(TEST) -short -tags purego ./accel/...
	$(TEST) -short -tags purego -run 'Known|Shapes' ./fhe/tfhe ./fhe/squash
	GODEBUG=cpu.avx512f=off $(TEST) -short -count=1 ./accel/...
	GODEBUG=cpu.all=off $(TEST) -short -count=1 ./accel/...
	$(TEST) -tags purego -run ShortKey ./fhe/radix/internal/matrix
	GODEBUG=cpu.avx512f=off $(TEST) -run 'Digests|ShortKey' -count=1 ./fhe/radix/internal/matrix
	GODEBUG=cpu.all=off $(TEST) -short -count=1 -run Known ./fhe/tfhe ./fhe/squash
	GOAMD64=v3 $(TEST) -short -tags purego ./accel/...
	GOAMD64=v3 $(TEST) -short -run Known ./fhe/tfhe ./fhe/squash
	GOARCH=arm64 $(GO) vet ./accel/... ./fhe/...
	$(TEST) -tags purego -run Transcript ./threshold/prss ./threshold/opening ./threshold/decrypt ./threshold/reshare ./threshold/dkg
	GOARCH=386 $(TEST) -run Transcript ./threshold/opening ./threshold/decrypt ./threshold/reshare ./threshold/dkg

e2e: build wasm e2e/node_modules
	$(TEST) -timeout 60m -count=1 -skip '^(TestAttached|TestHardhatAttached)' ./e2e/...

SOAK ?= 15m
SEED ?= 0

# The packages whose faults are functions of a seed.
SEEDED := ./coprocessor ./coprocessor/store ./coprocessor/cluster

soak: build
	$(GO) test -timeout 0 -count=1 -tags soak -v $(SEEDED) -run TestSoak -soak $(SOAK) -seed $(SEED)
	$(GO) test -timeout 0 -count=1 -tags soak -v ./e2e -run TestSoak -soak $(SOAK) -seed $(SEED)

SEEDS ?= 100

adversaries: build
	$(GO) test -timeout 0 -count=1 -tags adversaries -v ./e2e -run 'TestMany.*Adversaries' -seeds $(SEEDS)

e2e/node_modules: e2e/package-lock.json
	cd e2e && npm ci --no-audit --no-fund
	touch $@

# The plugin, then a project that uses it as its users' do. The second npm ci
# builds the node, and packs the plugin and the contracts as they are now.
hardhat: hardhat/node_modules
	cd hardhat/test/project && npm ci --no-audit --no-fund && npm test
	cd hardhat && npm test
	$(GO) test -timeout 10m -count=1 -run '^TestHardhatAttached$$' ./e2e

dropin: hardhat/node_modules
	cd e2e/dropin && npm ci --no-audit --no-fund && npm test

# npm's prepare scripts build the node and the plugin.
examples:
	cd examples && npm ci --no-audit --no-fund && npm test

hardhat/node_modules: hardhat/package-lock.json
	cd hardhat && npm ci --no-audit --no-fund
	touch $@

wasm:
	GOOS=js GOARCH=wasm $(GO) build -trimpath -ldflags "-s -w" -o $(WASM) ./sdk/wasm
	cp "$$($(GO) env GOROOT)/lib/wasm/wasm_exec.js" $(dir $(WASM))

lint:
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || (echo "gofmt these files:"; gofmt -l $$(git ls-files '*.go'); exit 1)
	$(GO) vet -tags soak,adversaries ./...
	$(GO) tool -modfile=tools/go.mod staticcheck ./...

contracts:
	$(GO) generate ./contracts

compilers:
	cd contracts/compilers && npm ci --no-audit --no-fund && npm test --silent

attached: build contracts/script/node_modules
	cd contracts/script && npm test --silent
	$(TEST) -timeout 60m -count=1 -run '^TestAttached' ./e2e

contracts/script/node_modules: contracts/script/package-lock.json
	cd contracts/script && npm ci --no-audit --no-fund
	touch $@

generate:
	$(GO) generate ./...

# One binary for each package: go test -fuzz would link one for each decoder.
# Instrumented, it lets coverage guide the choice of inputs.
GUIDED ?= -fuzz .

fuzz:
	@set -e; out=$$(mktemp -d); trap 'rm -rf "$$out"' EXIT; cache=$$($(GO) env GOCACHE)/fuzz/fhevm; \
	for dir in $$(git grep -l '^func Fuzz' -- '*_test.go' | xargs -n 1 dirname | sort -u); do \
	  $(TEST) -c $(GUIDED) -o "$$out/fuzz" "./$$dir"; \
	  names=$$("$$out/fuzz" -test.list '^Fuzz'); \
	  for f in $$names; do \
	    echo "$$dir $$f"; (cd "$$dir" && "$$out/fuzz" -test.run '^$$' -test.fuzz "^$$f\$$" -test.fuzztime $(FUZZ) -test.fuzzminimizetime 1x -test.fuzzcachedir "$$cache/$$dir"); \
	  done; done

exhaustive:
	$(TEST) -count=1 -timeout 60m ./fhe/radix -run 'Exhaustive|Wide' -work 50000

noise:
	$(GO) test ./fhe/tfhe -count=1 -v -run MeasuredNoise -noise 131072 -timeout 0

matrix:
	cd fhe/radix/internal/matrix && $(GO) run .

matrix-chain: build
	cd e2e/matrix && $(GO) run .

# Of the engine what shares memory between goroutines: arithmetic that computes for a
# long time, alone, tells a race detector nothing.
race:
	CGO_ENABLED=1 $(GO) test -race -short ./coprocessor/... ./threshold/... ./chain ./node/... ./cmd/... ./precompiles ./sdk/... ./disk ./accel ./fhe ./fhe/csprng ./fhe/squash
	CGO_ENABLED=1 $(GO) test -race -short -run MulAddPart ./accel/vec
	CGO_ENABLED=1 $(GO) test -race -short -run 'Cancel|Shares|BatchesHaveOneKey' ./fhe/tfhe
	CGO_ENABLED=1 $(GO) test -race -short -run 'Memory|Eval|ExpandCost|LookupRefuses|Exhaustive/(add|lt|select)_u?int8' ./fhe/radix

# The same decoders on few inputs, as part of every test run. There guidance would
# gain little, and instruments every dependency.
smoke:
	$(MAKE) fuzz FUZZ=2000x GUIDED=

# Known answers of the arm64 build on a machine of another kind. Not a part of
# test, and no check at all without an emulator (Debian: qemu-user).
neon:
	@if ! command -v $(QEMU) >/dev/null; then echo "neon: NOT CHECKED: no $(QEMU) here"; else \
	  GOARCH=arm64 $(GO) test -exec $(QEMU) -count=1 -short ./accel/... && \
	  GOARCH=arm64 $(GO) test -exec $(QEMU) -count=1 -short -run Known -timeout 30m ./fhe/tfhe; fi

vuln:
	$(GO) tool -modfile=tools/go.mod govulncheck ./...

bench: build
	$(GO) run ./bench

# ONLY selects rows: ONLY="uint64 add,bootstrap"
bench-peers:
	cd bench/peers/tfhe-rs && cargo build --release --locked
	$(GO) run ./bench -peer bench/peers/tfhe-rs/target/release/fhevm-bench-tfhe-rs $(if $(ONLY),-only "$(ONLY)")

clean:
	rm -rf bin sdk/wasm/dist e2e/node_modules contracts/node_modules contracts/script/node_modules contracts/compilers/node_modules
	rm -rf hardhat/dist hardhat/node_modules hardhat/test/project/node_modules hardhat/test/project/artifacts hardhat/test/project/cache
	rm -rf e2e/dropin/node_modules e2e/dropin/artifacts e2e/dropin/cache e2e/dropin/remapped
	rm -rf examples/node_modules examples/artifacts examples/cache
