#!/usr/bin/env bash
# Takes the pictures of docs/images from the running demo: the dashboard, its login page and the RME's.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

localcluster=$(hack/localcluster/build.sh)
eval "$("$localcluster" env)"
ADMIN_PASSWORD=$("$localcluster" kubectl -n ilp-6105 get secret dashboard-admin -o go-template='{{.data.password | base64decode}}')
export ADMIN_PASSWORD
hack/screenshot/screenshot.sh --url http://dashboard.sintang.localhost:8080 --out docs/images

profile=$(mktemp -d)
trap 'rm -rf "$profile"' EXIT
chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
	--disable-component-update --disable-sync --user-data-dir="$profile" --window-size=1000,640 --hide-scrollbars \
	--virtual-time-budget=15000 --screenshot="$PWD/docs/images/rme-login.png" http://tebidah.sintang.localhost:8080/ 2>/dev/null
echo "screenshot: wrote docs/images/rme-login.png"
