"""Prints the numbers that tests of the analyses compare with.

Needs numpy, scipy and scikit-learn; fiftyone-brain 0.27's computations are copied here, because importing it needs a
database. Run: python reference.py
"""

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import pdist, squareform
from sklearn.cluster import KMeans


def clustered(count, clusters, dim):
    """As `clustered` in fixtures.rs."""
    row, at = np.arange(count)[:, None], np.arange(dim)[None]
    cluster = row % clusters
    centre = (cluster * cluster * 7919 + at * at * 104_729 + cluster * at * 31 + cluster * 577) % 1009
    noise = (row * row * 6151 + at * at * 2741 + row * at * 97 + row * 389) % 1013
    return (centre / 1009 - 0.5 + (noise / 1013 - 0.5) * 0.3).astype(np.float32).astype(np.float64)


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def uniqueness(x, metric):
    """`_compute_uniqueness` in fiftyone/brain/internal/core/uniqueness.py."""
    dists = np.sort(squareform(pdist(x, metric)), axis=1)[:, :4]
    sample_dists = np.mean(dists[:, 1:] * [0.6, 0.3, 0.1], axis=1)
    return sample_dists / sample_dists.max()


def representativeness(x):
    """`_cluster_ranker` in fiftyone/brain/internal/core/representativeness.py, which gives the distance."""
    clusterer = KMeans(n_clusters=20, random_state=1234).fit(x)
    sample_dists = np.linalg.norm(x - clusterer.cluster_centers_[clusterer.labels_], axis=1)
    for label in np.unique(clusterer.labels_):
        sample_dists[clusterer.labels_ == label] /= sample_dists[clusterer.labels_ == label].max()
    return 1 - sample_dists


def show(name, numbers):
    print(f"{name}: [{', '.join(f'{number:.6}' for number in numbers)}]")


x = clustered(60, 5, 16)
assert len(np.unique(pdist(x, "cosine"))) == 60 * 59 // 2
for threshold in (0.1, 0.2):
    groups = fcluster(linkage(pdist(x, "cosine"), "complete"), threshold, "distance")
    members = [np.flatnonzero(groups == group) for group in np.unique(groups)]
    members = sorted((m for m in members if len(m) > 1), key=lambda m: -len(m))
    print("near_duplicates", threshold, [len(m) for m in members], members[0].tolist())

x = clustered(30, 4, 8)
show("uniqueness, cosine", uniqueness(x, "cosine"))
show("uniqueness, euclidean", uniqueness(x, "euclidean"))

x = clustered(100, 20, 32)
show("representativeness, euclidean", representativeness(x)[:40])
show("representativeness, cosine", representativeness(unit(x))[:40])
