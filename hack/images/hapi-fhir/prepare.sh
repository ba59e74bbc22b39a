#!/usr/bin/env bash
# Fetches the server's libraries into the build context given as the argument, with the Maven of this host, and refuses
# any that is not the one of jars.sha256. After a change of pom.xml: ./prepare.sh --pin
set -euo pipefail

if ! command -v mvn >/dev/null; then
	command -v apt-get >/dev/null || { echo "images: hapi-fhir needs Maven (mvn) on this host; install it" >&2; exit 1; }
	echo "images: installing maven from Debian" >&2
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends maven >/dev/null
fi

fetch() {
	echo "images: fetching the libraries of HAPI FHIR (250 MB, minutes when Maven's cache is cold)" >&2
	mvn --quiet --batch-mode --file pom.xml \
		org.apache.maven.plugins:maven-dependency-plugin:2.8:copy-dependencies \
		-DincludeScope=runtime "-DoutputDirectory=$1" >&2
}
digests() { (cd "$1" && find . -type f -name '*.jar' -printf '%P\0' | LC_ALL=C sort -z | xargs -0 sha256sum); }

if [[ $1 == --pin ]]; then
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	fetch "$work"
	digests "$work" >jars.sha256
	exit
fi
fetch "$1/lib"
digests "$1/lib" | diff jars.sha256 - >&2 || { echo "images: these libraries differ from jars.sha256 (<); see prepare.sh" >&2; exit 1; }
