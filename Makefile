# Everything a person types. Tools are built into the cache from the versions
# that hack/tools/go.mod pins; nothing is installed into the system except
# Debian packages that the local cluster and the images need.

CACHE := $(if $(XDG_CACHE_HOME),$(XDG_CACHE_HOME),$(HOME)/.cache)/ilp-operator
TOOLS := $(CACHE)/tools
LINT := $(TOOLS)/golangci-lint-kube-api-linter
CONTROLLER_GEN := $(TOOLS)/controller-gen
API_DOCS := $(TOOLS)/crd-ref-docs
LOCALCLUSTER := $(CACHE)/bin/localcluster
# One set of build settings for everything, so that tests, lint and images share what is compiled.
export CGO_ENABLED = 0
export GOFLAGS := $(GOFLAGS) -trimpath
# The local cluster's kubectl, behind whatever the machine has.
export PATH := $(PATH):$(CACHE)/bin

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^##@ / {printf "\n%s\n", substr($$0, 5)} /^[a-z0-9-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ See it

.PHONY: demo
demo: ## From nothing to Kabupaten Sintang serving at printed URLs (uses KUBECONFIG's cluster if set)
	hack/demo/demo.sh

.PHONY: cluster
cluster: ## Start the local cluster (root, Debian)
	hack/localcluster/build.sh
	$(LOCALCLUSTER) packages
	$(LOCALCLUSTER) up

.PHONY: cluster-down
cluster-down: ## Remove the local cluster with all its data
	hack/localcluster/build.sh
	$(LOCALCLUSTER) down

.PHONY: images
images: ## Build all container images
	hack/images/build.sh all

.PHONY: deploy
deploy: ## Install or upgrade the guards, then the operator, in KUBECONFIG's cluster
	kubectl apply --server-side --force-conflicts -k config/guards
	kubectl wait --for=condition=Established --timeout=1m crd --selector=app.kubernetes.io/part-of=ilp
	kubectl apply --server-side --force-conflicts -k config/default

.PHONY: undeploy
undeploy: ## Remove the operator from KUBECONFIG's cluster, once there is no District; guards and data stay
	kubectl delete --ignore-not-found -k config/default

.PHONY: screenshots
screenshots: ## Make docs/images from the running demo
	hack/screenshot/demo.sh

##@ Prove it

# Each waits at times, so they run beside each other. None writes what another reads.
.PHONY: test
test: ## Lint, unit and golden tests, and a real API server
	@$(MAKE) --no-print-directory -j lint unit
	@$(MAKE) --no-print-directory -j controllers suites

.PHONY: lint
lint: $(LINT) generated ## golangci-lint with kube-api-linter; generated files are up to date
	$(LINT) run --allow-parallel-runners ./...

# The chart's tests read config/, outside of their module, where Go would not see a change: so they are never cached.
.PHONY: unit
unit: ## Table, property and golden tests
	go test ./api/... ./cmd/... ./config/... ./controllers/... ./test/gitops ./test/harness ./test/scale/...
	cd hack/localcluster && go test ./internal/...
	cd hack/chart && go test . -count=1

.PHONY: integration
integration: ## The API, the policies and the operator against a real API server
	@$(MAKE) --no-print-directory -j controllers suites

# The operator, feature by feature, in processes with an API server each.
.PHONY: controllers
controllers: assets
	$(WITH_ASSETS) go run github.com/onsi/ginkgo/v2/ginkgo -procs=3 -timeout=20m ./test/integration/controllers

# What has an API server of its own in each spec, or needs none for long.
.PHONY: suites
suites: assets
	$(WITH_ASSETS) go test $(addprefix ./test/integration/,admission disruption install plugin) -count=1 -timeout 20m
	$(WITH_ASSETS) go run ./test/scale -scenario=gate
	cd hack/chart && $(WITH_ASSETS) go test ./lifecycle -count=1

# etcd, kube-apiserver and kubectl. They have memory to spare here, and collect garbage less often.
WITH_ASSETS := KUBEBUILDER_ASSETS=$(CACHE)/assets GOGC=400
.PHONY: assets
assets:
	hack/localcluster/build.sh
	$(LOCALCLUSTER) assets $(CACHE)/assets

.PHONY: e2e
e2e: build $(CACHE)/bin/helm $(CACHE)/bin/kustomize-controller ## Real node, real pods: the demo, and what a user would see of it (root, Debian)
	hack/demo/demo.sh
	test/e2e/images/load.sh
	KUBECONFIG=$$($(LOCALCLUSTER) env | sed -n 's/^export KUBECONFIG=//p') go test ./test/e2e/... -count=1 -timeout 60m -v -ginkgo.v

# Results are in bin/bench too, as JSON. The peers are built once.
PEERS := $(CACHE)/bin/helm $(CACHE)/bin/kustomize-controller $(CACHE)/bin/kro

.PHONY: bench
bench: $(PEERS) ## 15 × 20 Puskesmas beside bare clients and peers, then a fleet's life; workloads are simulated (2 hours)
	hack/localcluster/build.sh
	go test ./test/scale/...
	go run ./test/scale -json bin/bench/compare.json
	go run ./test/scale -scenario=life -json bin/bench/life.json
	go run ./test/scale -scenario=wave -districts 40 -puskesmas 15 -json bin/bench/wave.json
	go run ./test/scale -scenario=desa -json bin/bench/desa.json
	go run ./test/scale -scenario=slow -json bin/bench/slow.json

.PHONY: bench-gate
bench-gate: ## What a bring-up costs the API server in requests and allocations, held to test/scale/gate.go
	hack/localcluster/build.sh
	go run ./test/scale -scenario=gate -json bin/bench/gate.json

.PHONY: bench-national
bench-national: ## All 514 districts × 20 Puskesmas, once, beside bare clients; restarts at that size (hours, 12 GiB)
	hack/localcluster/build.sh
	go run ./test/scale -districts 514 -rounds 1 -contestants operator,bare,bare-crs -timeout 6h -json bin/bench/national.json
	go run ./test/scale -scenario=life -districts 514 -steps rest,restart,kill -timeout 6h -json bin/bench/national-life.json

##@ Develop

.PHONY: build
build: ## Build the operator and the kubectl plugin into bin/
	go build -o bin/ ./cmd/...

.PHONY: tidy
tidy: ## go mod tidy in every module
	for module in $$(git ls-files '*go.mod'); do (cd $$(dirname $$module) && go mod tidy) || exit 1; done

DEEPCOPY := api/v1alpha1
CRDS := config/crd/bases
API_PAGE := docs/api.md
.PHONY: generate
generate: $(CONTROLLER_GEN) $(API_DOCS) ## CRDs, deep copies and docs/api.md from api/
	$(CONTROLLER_GEN) object output:object:dir=$(DEEPCOPY) crd output:crd:dir=$(CRDS) paths=./api/...
	$(API_DOCS) --source-path=api/v1alpha1 --config=hack/tools/crd-ref-docs.yaml --renderer=markdown --output-path=$(API_PAGE) --log-level=ERROR

.PHONY: chart
chart: ## The templates of the charts, from config/
	cd hack/chart && go run .

.PHONY: dist
dist: ## dist/guards.yaml and dist/install.yaml: the guards and the operator in a file each
	@mkdir -p dist
	kubectl kustomize config/guards > dist/guards.yaml
	kubectl kustomize config/default > dist/install.yaml

.PHONY: generated
generated: $(CONTROLLER_GEN) $(API_DOCS)
	@new=$$(mktemp -d) && trap 'rm -rf $$new' EXIT && \
	$(MAKE) --no-print-directory -s generate DEEPCOPY=$$new/api CRDS=$$new/crd API_PAGE=$$new/api.md && \
	diff -u api/v1alpha1/zz_generated.deepcopy.go $$new/api/zz_generated.deepcopy.go && \
	diff -ru config/crd/bases $$new/crd && diff -u docs/api.md $$new/api.md || \
	{ echo "generated files are out of date: run make generate and commit what it changes"; exit 1; }

# Helm of the version that the chart's tests have as a library.
$(CACHE)/bin/helm: hack/chart/go.mod
	@mkdir -p $(CACHE)/bin
	cd hack/chart && go build -o $@ helm.sh/helm/v4/cmd/helm

$(CACHE)/bin/kustomize-controller: hack/flux/go.mod
	@mkdir -p $(CACHE)/bin
	cd hack/flux && go build -o $@ github.com/fluxcd/kustomize-controller

$(CACHE)/bin/kro: hack/kro/go.mod
	@mkdir -p $(CACHE)/bin
	cd hack/kro && go build -o $@ github.com/kubernetes-sigs/kro/cmd/controller

$(CONTROLLER_GEN): hack/tools/go.mod
	@mkdir -p $(TOOLS)
	cd hack/tools && go build -o $@ sigs.k8s.io/controller-tools/cmd/controller-gen

$(API_DOCS): hack/tools/go.mod
	@mkdir -p $(TOOLS)
	cd hack/tools && go build -o $@ github.com/elastic/crd-ref-docs

$(LINT): hack/tools/go.mod
	@mkdir -p $(TOOLS)
	cd hack/tools && go build -o $@ sigs.k8s.io/kube-api-linter/cmd/golangci-lint-kube-api-linter
