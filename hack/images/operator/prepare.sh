#!/usr/bin/env bash
# Compiles the operator into the build context given as the argument.
set -euo pipefail

cp --remove-destination ../../../Dockerfile "$1/Dockerfile"
CGO_ENABLED=0 go build -C ../../.. -trimpath -ldflags "-s -w" -o "$1/bin/operator" ./cmd/operator
