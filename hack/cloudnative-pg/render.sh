#!/usr/bin/env bash
# Prints the manifest that installs CloudNativePG with the image of hack/images/cloudnative-pg, for
#
#   hack/cloudnative-pg/render.sh | kubectl apply --server-side -f -
#
# The manifest is the release's own, read from the module that the image is compiled from. It differs from that in the
# image, which no registry needs to serve, and in the CPU limit: at upstream's 100m the operator starts too slowly beside
# a busy control plane for its startup probe.
set -euo pipefail

images=$(cd "$(dirname "${BASH_SOURCE[0]}")/../images" && pwd)
version=$(<"$images/cloudnative-pg/VERSION")
image=${IMAGE:-localhost/ilp/cloudnative-pg:$version}
module=$(cd "$images/cloudnative-pg" && go mod download -json github.com/cloudnative-pg/cloudnative-pg@v"$version" |
	sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
manifest=$module/releases/cnpg-$version.yaml
upstream=$(sed -n 's/^        image: //p' "$manifest")
[[ -n $upstream ]] || { echo "render: $manifest names no image that could be replaced" >&2; exit 1; }

sed -e "s|$upstream|$image|" \
	-e 's|imagePullPolicy: Always|imagePullPolicy: IfNotPresent|' \
	-e '/^        resources:/,/^          requests:/s|cpu: 100m|cpu: "1"|' "$manifest"
