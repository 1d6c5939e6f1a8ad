#!/usr/bin/env bash
# 796 small pictures (785 distinct) in 121 categories, a description beside each: Debian's tuxpaint-stamps-default (GPL-2, see
# `copyright` beside them), in the folder stamps below $1. Fetched without being installed; quick when it is there.
set -euo pipefail

stamps=$1/stamps
[ -e "$stamps/ready" ] && exit 0
exec 9> "$stamps.lock"
flock 9
[ -e "$stamps/ready" ] && exit 0

for tool in apt-get dpkg; do
    command -v $tool > /dev/null || {
        echo "error: the sample pictures are a Debian package, and there is no $tool here" >&2
        echo "hint: unpack tuxpaint-stamps-default's usr/share/tuxpaint/stamps to $stamps, then: touch $stamps/ready" >&2
        exit 1
    }
done
echo "fetching the sample pictures (tuxpaint-stamps-default, GPL-2, 11 MB, once)" >&2
rm -rf "$stamps.new" "$stamps"
mkdir -p "$stamps.new"
new=$(cd "$stamps.new" && pwd)
# apt-get reads the package under a user of its own, who may not see this folder; root's own run does without.
download() { (cd "$new" && apt-get -qq -o APT::Sandbox::User=root download tuxpaint-stamps-default); }
refresh() { if [ "$(id -u)" -eq 0 ]; then apt-get -qq update; else sudo apt-get -qq update; fi > /dev/null; }
download 2> /dev/null || { refresh && download; }
dpkg -x "$new"/*.deb "$new/unpacked"
mv "$new/unpacked/usr/share/tuxpaint/stamps"/* "$new/"
mv "$new/unpacked/usr/share/doc/tuxpaint-stamps-default/copyright" "$new/"
rm -rf "$new/unpacked" "$new"/*.deb
# Nine tenths are what the pictures sound like, in many languages.
find "$new" -type f ! -name '*.png' ! -name '*.txt' ! -name copyright -delete
touch "$new/ready"
mv "$new" "$stamps"
