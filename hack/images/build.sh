#!/usr/bin/env bash
# Builds the project's container images without needing a registry.
#
#   hack/images/build.sh NAME…|all     build what has changed
#   hack/images/build.sh --list        print "name reference archive" of every image that is built
#
# An image is a folder here, or in the folder of the repository that IMAGES names: an ordinary Dockerfile with that folder
# as its context, a VERSION, and, where something has to be compiled on the host first, a prepare.sh that is given the
# copy of the context to write into. A file named `inputs` lists paths of the repository, beside the folder itself, that
# the image is made from.
#
# The result is <cache>/images/NAME-KEY.tar, an OCI archive tagged localhost/ilp/NAME:VERSION, where KEY is the digest of
# everything the image is made from: an image is built again only when that changes.
#
# BUILDER=buildah (default) needs root on Debian and makes its own base image; BUILDER=docker uses what Docker can pull.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repository=$(cd "$here/../.." && pwd)
images=${IMAGES:-hack/images}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/ilp-operator
archives=$cache/images
builder=${BUILDER:-buildah}
prefix=localhost/ilp
# Isolation by chroot needs no container runtime and works where user or network namespaces are not to be had.
storage=(--root "$cache/buildah/storage" --runroot "$cache/buildah/run" --storage-driver overlay)

say() { printf 'images: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

names() { (cd "$repository/$images" && for file in */Dockerfile; do dirname "$file"; done); }
reference() { printf '%s/%s:%s' "$prefix" "$1" "$(<"$repository/$images/$1/VERSION")"; }
digest() { xargs -0 -r sha256sum | sha256sum | cut -c1-12; }

key() {
	local inputs=()
	[[ ! -f $repository/$images/$1/inputs ]] || mapfile -t inputs <"$repository/$images/$1/inputs"
	# Relative paths, so that two checkouts of the same source share an archive.
	(cd "$repository" && {
		find "$images/$1" "${inputs[@]}" -type f -print0 | sort -z
		[[ $builder == docker ]] || printf '%s\0' hack/images/base.sh
	} | digest)
}

archive() { printf '%s/%s-%s.tar' "$archives" "$1" "$(key "$1")"; }

list() {
	local name file
	for name in $(names); do
		file=$(archive "$name")
		[[ ! -f $file ]] || printf '%s %s %s\n' "$name" "$(reference "$name")" "$file"
	done
}

install_builder() {
	[[ $(id -u) == 0 ]] || die "BUILDER=buildah needs root; run as root, or set BUILDER=docker"
	local package missing=()
	for package in buildah ca-certificates debootstrap uidmap; do
		dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
	done
	[[ ${#missing[@]} == 0 ]] && return
	say "installing ${missing[*]} from Debian"
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null
}

# How this host reaches the package registries (certificate authorities, mirrors, proxies) is lent to the RUN steps as
# read-only mounts. It never becomes part of a Dockerfile or of an image.
host_settings() {
	local lent=$cache/host/$1
	mkdir -p -m 700 "$cache/host" "$lent"
	cp -L /etc/ssl/certs/ca-certificates.crt "$lent/ca.crt"
	apt-config dump Acquire | grep -Ev '^Acquire::(IndexTargets|CompressionTypes|Changelogs)' >"$lent/apt.conf"
	{
		printf '[global]\ncert = /run/host-ca.crt\n'
		[[ -z ${PIP_INDEX_URL:-} ]] || printf 'index-url = %s\n' "$PIP_INDEX_URL"
		settings_of '(index-url|extra-index-url|proxy|trusted-host) *=' /etc/pip.conf "$HOME/.config/pip/pip.conf"
	} >"$lent/pip.conf"
	{
		printf 'cafile=/run/host-ca.crt\n'
		settings_of '(registry|proxy|https-proxy|noproxy|//.*:_authToken) *=' "$HOME/.npmrc"
	} >"$lent/npmrc"
	printf '%s\n' --volume "$lent/ca.crt:/run/host-ca.crt:ro" \
		--volume "$lent/apt.conf:/etc/apt/apt.conf.d/90host:ro" \
		--volume "$lent/pip.conf:/etc/pip.conf:ro" \
		--volume "$lent/npmrc:/root/.npmrc:ro"
}

# Prints the lines that begin with the pattern from those of the files that exist.
settings_of() {
	local pattern=$1 file
	shift
	for file in "$@"; do
		[[ ! -f $file ]] || sed -En "\\#^$pattern#p" "$file"
	done
}

build() {
	local name=$1 folder=$repository/$images/$1 file context started=$SECONDS
	[[ -f $folder/Dockerfile ]] || die "there is no image named $name; there are: $(names | tr '\n' ' ')"
	file=$(archive "$name")
	if [[ -f $file ]]; then
		say "$name is up to date"
		return
	fi
	say "building $name ($(reference "$name"))"
	context=$cache/context/$name
	rm -rf "$context" && mkdir -p "$context"
	cp -a "$folder/." "$context/"
	[[ ! -x $folder/prepare.sh ]] || (cd "$folder" && ./prepare.sh "$context")
	if [[ $builder == docker ]]; then
		docker build --tag "$(reference "$name")" "$context" >&2
		docker save --output "$file.part" "$(reference "$name")"
	else
		buildah_build "$name" "$context" "$file.part"
	fi
	rm -rf "$context"
	find "$archives" -name "$name-????????????.tar" -delete
	mv "$file.part" "$file"
	say "$name built in $((SECONDS - started)) s: $(du -h "$file" | cut -f1)"
}

buildah_build() {
	local name=$1 context=$2 file=$3 lines settings
	lines=$(host_settings "$name")
	mapfile -t settings <<<"$lines"
	buildah "${storage[@]}" build --isolation chroot --layers --pull-never --build-arg "BASE=$prefix/debian:12" \
		"${settings[@]}" --tag "$(reference "$name")" "$context" >&2
	rm -f "$file"
	buildah "${storage[@]}" push --quiet --disable-compression "$(reference "$name")" "oci-archive:$file:$(reference "$name")"
}

make_base() {
	local wanted
	wanted=$(cd "$repository" && printf '%s\0' hack/images/base.sh | digest)
	[[ $(cat "$cache/buildah/base" 2>/dev/null) != "$wanted" ]] || return 0
	say "making the base image $prefix/debian:12 (about two minutes)"
	local context=$cache/context/debian
	rm -rf "$context" && mkdir -p "$context"
	"$here/base.sh" "$context/rootfs.tar"
	printf 'FROM scratch\nADD rootfs.tar /\nCMD ["bash"]\n' >"$context/Dockerfile"
	buildah "${storage[@]}" build --isolation chroot --tag "$prefix/debian:12" "$context" >&2
	rm -rf "$context"
	printf '%s\n' "$wanted" >"$cache/buildah/base"
}

locked() { flock "$cache/locks/$1" "${BASH_SOURCE[0]}" --locked "$1"; }

# Each line says which image it is about, since two are built at a time.
labelled() { locked "$1" 2>&1 | sed -u "/^images: /!s/^/$1: /" >&2; }

case ${1:-} in
'' | -h | --help) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}" ;;
--list) list ;;
# Two builds at a time of different images are fine, of the same image are waste.
--locked) if [[ $2 == base ]]; then make_base; else build "$2"; fi ;;
# With 255 xargs begins no other.
--labelled) labelled "$2" || exit 255 ;;
*)
	case $builder in
	docker) ;;
	buildah) install_builder ;;
	*) die "BUILDER=$builder is unknown; use buildah or docker" ;;
	esac
	mkdir -p "$archives" "$cache/locks" "$cache/buildah"
	[[ $builder == docker ]] || locked base
	[[ $1 != all ]] || set -- $(names)
	# A build often waits, for one processor or for a registry.
	printf '%s\n' "$@" | xargs -P 2 -I NAME "${BASH_SOURCE[0]}" --labelled NAME
	# buildah leaves its storage mounted on itself.
	[[ $builder == docker ]] || umount "$cache/buildah/storage/overlay" 2>/dev/null || true
	;;
esac
