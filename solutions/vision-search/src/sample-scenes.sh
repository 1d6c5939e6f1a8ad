#!/usr/bin/env bash
# What the demo's scenes are composed of, in two folders below $1: `stamps`, 796 small pictures in folders by what they
# show (Debian's tuxpaint-stamps-default, GPL-2), and `photographs` (Debian's opencv-doc, Apache-2.0 and BSD-3-Clause).
# Each has its package's `copyright` beside it. Fetched without being installed; quick when both are there.
set -euo pipefail

stamps=$1/stamps
photographs=$1/photographs

# apt-get reads the package under a user of its own, who may not see this folder; root's own run does without.
download() { (cd "$1" && apt-get -qq -o APT::Sandbox::User=root download "$2"); }
refresh() { if [ "$(id -u)" -eq 0 ]; then apt-get -qq update; else sudo apt-get -qq update; fi > /dev/null; }

# fetch FOLDER PACKAGE WITHIN WHAT KEEP...: the package's folder WITHIN becomes FOLDER, of which only files named like
# one of KEEP stay. It appears as a whole, with the empty file `ready` in it.
fetch() {
    local folder=$1 package=$2 within=$3 what=$4 new names=(-name copyright) pattern
    [ -e "$folder/ready" ] && return
    exec 9> "$folder.lock"
    flock 9
    [ -e "$folder/ready" ] && return
    for tool in apt-get dpkg; do
        command -v $tool > /dev/null || {
            echo "error: the $what are a Debian package, and there is no $tool here" >&2
            echo "hint: unpack $package's $within to $folder, then: touch $folder/ready" >&2
            exit 1
        }
    done
    echo "fetching the $what" >&2
    rm -rf "$folder.new" "$folder"
    mkdir -p "$folder.new"
    new=$(cd "$folder.new" && pwd)
    download "$new" "$package" 2> /dev/null || { refresh && download "$new" "$package"; }
    dpkg -x "$new"/*.deb "$new/unpacked"
    mv "$new/unpacked/$within"/* "$new/"
    mv "$new/unpacked/usr/share/doc/$package/copyright" "$new/"
    rm -rf "$new/unpacked" "$new"/*.deb
    for pattern in "${@:5}"; do names+=(-o -name "$pattern"); done
    find "$new" -type f ! \( "${names[@]}" \) -delete
    find "$new" -mindepth 1 -type d -empty -delete
    touch "$new/ready"
    mv "$new" "$folder"
}

mkdir -p "$1"
# The same folder as image-search's: nine tenths of the package are what the pictures sound like, in many languages.
fetch "$stamps" tuxpaint-stamps-default usr/share/tuxpaint/stamps \
    "sample pictures (tuxpaint-stamps-default, GPL-2, 11 MB, once)" '*.png' '*.txt'
# Last: where these are, the stamps are, too.
fetch "$photographs" opencv-doc usr/share/doc/opencv-doc/examples/data \
    "sample photographs (opencv-doc, Apache-2.0 and BSD-3-Clause, 96 MB, once)" '*.jpg' '*.png'
