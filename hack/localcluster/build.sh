#!/bin/sh
# Builds localcluster and the pause program unless these very sources are
# built already, and prints the path of the binary. Each build has a folder of
# its own, so that a running cluster keeps the binary it was started with.
set -eu
cd "$(dirname "$0")"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/ilp-operator"
digest=$({ go env GOVERSION GOARCH; find . -type f ! -name '*_test.go' ! -name '*.md' ! -path './smoke/*' | LC_ALL=C sort | xargs sha256sum; } | sha256sum | cut -c1-16)
out="$cache/localcluster/$digest"

if [ ! -x "$out/localcluster" ]; then
	echo "… building localcluster (minutes the first time, seconds afterwards)" >&2
	mkdir -p "$out"
	version=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)
	minor=${version#v*.}
	v=k8s.io/component-base/version
	ldflags="-s -w -X $v.gitVersion=$version -X $v.gitMajor=1 -X $v.gitMinor=${minor%%.*} -X $v.gitTreeState=clean"
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o "$out/pause" ./pause
	CGO_ENABLED=0 go build -trimpath -ldflags "$ldflags" -o "$out/localcluster.$$" .
	mv "$out/localcluster.$$" "$out/localcluster"
fi
mkdir -p "$cache/bin"
ln -sfn "$out/localcluster" "$cache/bin/localcluster"
# The same binary is kubectl where it is called so.
ln -sfn "$out/localcluster" "$cache/bin/kubectl"
echo "$cache/bin/localcluster"
