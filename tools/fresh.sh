#!/usr/bin/env bash
# Runs the README's two commands in a bare Debian 12, to find a missing installation step.
#
# debootstrap makes the system under build/fresh; the host's package, pip and certificate configuration is carried in,
# and /proc, /sys and /dev are bound as slaves, so that nothing done inside propagates out. Needs root. Arguments are
# make targets to run instead of `demo test`.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "$(id -u)" != 0 ]; then
  echo "fresh: skipped: debootstrap and chroot need root"
  exit 0
fi
command -v debootstrap >/dev/null || apt-get install -y -qq --no-install-recommends debootstrap >/dev/null

root=${FRESH_ROOT:-/var/tmp/marquet-fresh}
mirror=$(grep -rhoE 'https?://[^ ]+/debian/?( |$)' /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null | head -n 1 | tr -d ' ' || true)
data=$(realpath -m "${MARQUET_TEST_DATA:-../shared/data}")

unbind() {
  local mount
  # Deepest first; a bind that is still there would let the removal below reach the host's files.
  while read -r mount; do umount "$mount" 2>/dev/null || umount -l "$mount"; done < <(
    awk -v root="$root/" 'index($5 "/", root) == 1 && $5 "/" != root { print $5 }' /proc/self/mountinfo | sort -r)
}
trap unbind EXIT
unbind
rm -rf --one-file-system "$root"

echo "fresh: making a bare Debian 12 in $root"
debootstrap --variant=minbase bookworm "$root" "${mirror:-http://deb.debian.org/debian}" >/dev/null

# The host's package, pip and certificate configuration.
cp -a /etc/apt/apt.conf.d/. "$root/etc/apt/apt.conf.d/"
for file in /etc/resolv.conf /etc/hosts /etc/pip.conf "${XDG_CONFIG_HOME:-$HOME/.config}/pip/pip.conf" "$HOME/.pip/pip.conf"; do
  [ -f "$file" ] && install -D -m 644 "$file" "$root/${file#/}"
done
rm -f "$root"/etc/apt/apt.conf.d/*packagekit* "$root"/etc/apt/apt.conf.d/*appstream* "$root"/etc/apt/apt.conf.d/70debconf
if [ -f /etc/ssl/certs/ca-certificates.crt ]; then
  install -D -m 644 /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
  mkdir -p "$root/usr/local/share/ca-certificates"
  cp -a /usr/local/share/ca-certificates/. "$root/usr/local/share/ca-certificates/" 2>/dev/null || true
fi
for directory in proc sys dev; do
  mount --rbind "/$directory" "$root/$directory"
  mount --make-rslave "$root/$directory"
done
# Folders of wheels that pip's configuration names.
for folder in $( (pip config list; env | grep '^PIP_') 2>/dev/null | grep -oE '(file://)?/[^ "'"'"',]+' | sed 's|^file://||' | sort -u); do
  [ -d "$folder" ] || continue
  [ "${folder##*/}" != simple ] || folder=${folder%/*} # an index whose links lead to a folder beside it
  mkdir -p "$root$folder"
  mount --bind -o ro "$folder" "$root$folder"
done

# The checkout as committed, and the test data where the tests look for it.
git clone -q . "$root/src/marquet"
if [ -d "$data" ]; then
  mkdir -p "$root/src/shared/data"
  mount --bind -o ro "$data" "$root/src/shared/data"
fi

inside() {
  env -i HOME="$HOME" PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 CI="${CI:-}" \
    $(env | grep -E '^(PIP_|SSL_|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|https?_proxy|no_proxy)' | xargs -r -d '\n') \
    chroot "$root" /bin/bash -c "$1"
}
inside 'apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
  python3 g++ cmake make git ca-certificates >/dev/null'
[ $# -gt 0 ] || set -- demo test
for target in "$@"; do
  echo "fresh: make $target"
  inside "cd /src/marquet && make $target"
done
echo "fresh: done on a bare Debian 12"
