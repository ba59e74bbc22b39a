#!/usr/bin/env bash
# From nothing to a district that serves: a local cluster, its images, CloudNativePG, the operator and the samples.
# Every step may be repeated. With KUBECONFIG set, that cluster is used and nothing is built or started; it must be able
# to pull the images that config/manager and config/samples name, and have CloudNativePG.
#
#   hack/demo/demo.sh              all of it
#   hack/demo/demo.sh --platform   up to the running operator, without samples
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

cache=${XDG_CACHE_HOME:-$HOME/.cache}/ilp-operator
images=(cloudnative-pg gnuhealth operator postgresql superset)

step() { printf '\n== %s\n' "$*"; }

# wait_for SECONDS TEXT COMMAND…: shows what is waited for until the command succeeds.
wait_for() {
	local limit=$1 text=$2 started=$SECONDS said=''
	shift 2
	until "$@" >/dev/null 2>&1; do
		((SECONDS - started < limit)) || { printf '✗ %s: not within %s s\n' "$text" "$limit" >&2; return 1; }
		local now
		now="… waiting for $text$(progress)"
		[[ $now == "$said" ]] || printf '%s (%s s)\n' "$now" $((SECONDS - started))
		said=$now
		sleep 3
	done
	printf '✓ %s (%s s)\n' "$text" $((SECONDS - started))
}

# progress is what the District itself says it waits for.
progress() {
	kubectl get district sintang -o jsonpath='{": "}{.status.conditions[?(@.type=="Ready")].message}' 2>/dev/null || true
}

start_cluster() {
	step "local cluster"
	hack/localcluster/build.sh
	localcluster packages
	localcluster up
	eval "$(localcluster env)"
	step "images (the first time takes a quarter of an hour or more)"
	hack/images/build.sh "${images[@]}"
	localcluster load $(hack/images/build.sh --list | awk '{print $3}')
}

localcluster() { "$cache/bin/localcluster" "$@"; }

# The local cluster brings its own kubectl.
kubectl() {
	if [[ -n $own ]]; then localcluster kubectl "$@"; else command kubectl "$@"; fi
}

install_cloudnative_pg() {
	step "CloudNativePG"
	hack/cloudnative-pg/render.sh | kubectl apply --server-side -f - >/dev/null
	kubectl -n cnpg-system rollout status deployment/cnpg-controller-manager --timeout=5m
}

install_operator() {
	step "guards"
	kubectl apply --server-side --force-conflicts -k config/guards >/dev/null
	kubectl wait --for=condition=Established --timeout=1m crd --selector=app.kubernetes.io/part-of=ilp
	step "operator"
	kubectl apply --server-side --force-conflicts -k config/default >/dev/null
	# The image keeps its name while it is developed; the annotation makes the pod roll when it has changed.
	local key
	key=$(hack/images/build.sh --list | awk '$1 == "operator" {print $3}' | xargs -r basename -s .tar)
	kubectl -n ilp-system patch deployment ilp-operator --field-manager=demo --type=merge --patch \
		"{\"spec\":{\"template\":{\"metadata\":{\"annotations\":{\"ilp.health/image\":\"$key\"}}}}}" >/dev/null
	kubectl -n ilp-system rollout status deployment/ilp-operator --timeout=5m
}

apply_samples() {
	step "Kabupaten Sintang"
	local folder
	for folder in releases waves sintang; do
		kubectl apply --server-side -k "config/samples/$folder"
	done
	wait_for 1800 "District sintang to be Ready" kubectl wait district/sintang --for=condition=Ready --timeout=1s
}

show() {
	step "it stands"
	kubectl get districts,puskesmas -A
	local port=8080
	cat <<END

The dashboard of Kabupaten Sintang   http://dashboard.sintang.localhost:$port
  user admin, password: kubectl -n ilp-6105 get secret dashboard-admin -o go-template='{{.data.password | base64decode}}'
The RME of Puskesmas Tebidah         http://tebidah.sintang.localhost:$port
  user admin, password: kubectl -n ilp-6105 get secret tebidah-rme-admin -o go-template='{{.data.password | base64decode}}'
END
}

answer() { curl -fsS -o /dev/null --max-time 10 --resolve "$1:8080:127.0.0.1" "http://$1:8080/"; }

own=''
if [[ -z ${KUBECONFIG:-} ]]; then
	own=yes
	start_cluster
	install_cloudnative_pg
fi
install_operator
[[ ${1:-} != --platform ]] || exit 0
apply_samples
show
if [[ -n $own ]]; then
	for host in dashboard.sintang.localhost tebidah.sintang.localhost; do
		wait_for 60 "http://$host:8080 to answer" answer "$host"
	done
	printf '\nexport KUBECONFIG=%s\nmake cluster-down removes it all.\n' "$KUBECONFIG"
fi
