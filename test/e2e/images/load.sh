#!/usr/bin/env bash
# Builds what only the specs need and loads it into the local cluster that make demo has started: the images of this
# folder, each made from one of the demo's, and HAPI FHIR.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."

own() { IMAGES=test/e2e/images hack/images/build.sh "$@"; }
hack/images/build.sh hapi-fhir
own all
mapfile -t archives < <({ own --list; hack/images/build.sh --list | grep '^hapi-fhir '; } | awk '{print $3}')
"${XDG_CACHE_HOME:-$HOME/.cache}/ilp-operator/bin/localcluster" load "${archives[@]}"
