#!/usr/bin/env bash
# 512 sounds in the folder sounds below $1: ufoai/LABEL/ has the effects of UFO: Alien Invasion (Debian's ufoai-sound, mainly
# GPL-2+), sonic-pi/LABEL/ the samples of Sonic Pi (Debian's sonic-pi-samples, CC0), with the packages' copyright files beside
# them. Fetched without being installed; quick when they are there.
set -euo pipefail

sounds=$1/sounds
[ -e "$sounds/ready" ] && exit 0
exec 9> "$sounds.lock"
flock 9
[ -e "$sounds/ready" ] && exit 0

for tool in apt-get dpkg python3; do
    command -v $tool > /dev/null || {
        echo "error: the sample sounds are two Debian packages, and there is no $tool here" >&2
        echo "hint: put sounds of your own into folders below $sounds, then: touch $sounds/ready" >&2
        exit 1
    }
done
echo "fetching the sample sounds (ufoai-sound, mainly GPL-2+; sonic-pi-samples, CC0; 41 MB, once)" >&2
rm -rf "$sounds.new" "$sounds"
mkdir -p "$sounds.new/ufoai" "$sounds.new/sonic-pi"
new=$(cd "$sounds.new" && pwd)
# apt-get reads the packages under a user of its own, who may not see this folder; root's own run does without.
download() { (cd "$new" && apt-get -qq -o APT::Sandbox::User=root download ufoai-sound sonic-pi-samples); }
refresh() { if [ "$(id -u)" -eq 0 ]; then apt-get -qq update; else sudo apt-get -qq update; fi > /dev/null; }
download 2> /dev/null || { refresh && download; }
for package in "$new"/*.deb; do
    dpkg -x "$package" "$new/unpacked"
done
# The game's own archive is a zip; its folders are what the sounds are of.
archive=$(find "$new/unpacked" -name 0snd.pk3)
python3 -m zipfile -e "$archive" "$new/unpacked/game"
mv "$new/unpacked/game/sound"/* "$new/ufoai/"
# A sample's name begins with what it is: tabla_dhec.flac.
find "$new/unpacked/usr/share/sonic-pi/samples" -name '*.flac' | while read -r sample; do
    name=$(basename "$sample")
    mkdir -p "$new/sonic-pi/${name%%_*}"
    mv "$sample" "$new/sonic-pi/${name%%_*}/"
done
mv "$new/unpacked/usr/share/doc/ufoai-sound/copyright" "$new/ufoai/"
mv "$new/unpacked/usr/share/doc/sonic-pi-samples/copyright" "$new/sonic-pi/"
rm -rf "$new/unpacked" "$new"/*.deb
find "$new" -type f ! -name '*.ogg' ! -name '*.wav' ! -name '*.flac' ! -name copyright -delete
touch "$new/ready"
mv "$new" "$sounds"
