#!/usr/bin/env bash
# Takes the pictures of screenshot.py with Debian's Chromium, installing what is missing:
#
#   ADMIN_PASSWORD=… hack/screenshot/screenshot.sh --url http://127.0.0.1:8088 --out docs/images
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
environment=${XDG_CACHE_HOME:-$HOME/.cache}/ilp-operator/screenshot

missing=()
for package in chromium chromium-driver fonts-liberation python3-venv; do
	dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
if [[ ${#missing[@]} -gt 0 ]]; then
	echo "screenshot: installing ${missing[*]} from Debian" >&2
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null
fi
if ! cmp -s "$here/requirements.txt" "$environment/requirements.txt"; then
	/usr/bin/python3 -m venv "$environment"
	"$environment/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
	cp "$here/requirements.txt" "$environment/requirements.txt"
fi
exec "$environment/bin/python" "$here/screenshot.py" "$@"
