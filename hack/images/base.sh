#!/usr/bin/env bash
# Writes a minimal Debian 12 root filesystem to the archive given as its argument: the base of every image where no
# registry is at hand. It is Debian's own packages, fetched from the mirror that this host's apt uses.
set -euo pipefail

archive=$1
suite=bookworm
mirror=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(ORIGIN)' 'Created-By: Packages' |
	awk -v suite=$suite '$2 == suite && $3 == "Debian" { print $1; exit }')
[[ -n $mirror ]] || { echo "base: apt has no index of Debian $suite; run apt-get update on a Debian 12 host" >&2; exit 1; }

rootfs=$(mktemp -d)
trap 'rm -rf "$rootfs"' EXIT
debootstrap --variant=minbase "$suite" "$rootfs" "$mirror" >"$archive.log" 2>&1 ||
	{ tail -n 20 "$archive.log" >&2; exit 1; }

# The same suites as the host has, so that security updates are among them.
apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' 'Origin: Debian' |
	sort -u >"$rootfs/etc/apt/sources.list"
# What Debian's own slim images leave out.
cat >"$rootfs/etc/dpkg/dpkg.cfg.d/slim" <<-'EOF'
	path-exclude /usr/share/doc/*
	path-include /usr/share/doc/*/copyright
	path-exclude /usr/share/man/*
	path-exclude /usr/share/info/*
	path-exclude /usr/share/locale/*
EOF
cat >"$rootfs/etc/apt/apt.conf.d/slim" <<-'EOF'
	APT::Install-Recommends "false";
	Acquire::Languages "none";
EOF
find "$rootfs/usr/share/doc" -type f ! -name copyright -delete
rm -rf "$rootfs"/usr/share/{man,info,locale}/* "$rootfs"/var/cache/apt/* "$rootfs"/var/lib/apt/lists/* "$rootfs"/var/log/*.log
rm -f "$rootfs/etc/resolv.conf" "$rootfs/etc/hostname"
tar --create --file "$archive" --directory "$rootfs" --numeric-owner --exclude './dev/*' .
