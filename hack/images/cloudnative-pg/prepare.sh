#!/usr/bin/env bash
# Compiles the manager into the build context given as the argument.
set -euo pipefail

module=github.com/cloudnative-pg/cloudnative-pg
version=$(go list -m -f '{{.Version}}' $module)
[[ $version == "v$(<VERSION)" ]] || { echo "go.mod asks for $module $version but VERSION says $(<VERSION)" >&2; exit 1; }

mkdir -p "$1/root/operator"
echo "images: compiling CloudNativePG $version (five to ten minutes when Go's build cache is cold)" >&2
# Without cgo, since a scratch image has no C library to load.
CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" \
	-o "$1/root/operator/manager_$(go env GOARCH)" $module/cmd/manager
ln -s "operator/manager_$(go env GOARCH)" "$1/root/manager"
