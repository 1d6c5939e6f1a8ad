"""RDKit and FPSim2 as chemists use them from Python: what molecule-search is held against.

Its argument is the number of threads for substructures; fingerprints and similarity have one. Each line on standard
input is a task, answered with a line of JSON:

    {"samples": folder, "out": file}                 writes the sample molecules as SMILES, one a line
    {"fingerprints": file, "out": file}              SMILES to ECFP4 of 2048 bits; seconds of reading and of making
    {"index": file}                                  loads a matrix of fingerprints into FPSim2
    {"top": k, "threshold": t, "queries": file}      FPSim2's top_k
    {"above": t, "queries": file}                    FPSim2's similarity
    {"library": file}                                loads molecules into a SubstructLibrary
    {"contains": text, "kind": "smiles" or "smarts"} looks for a structure in them
"""

import csv
import json
import sys
import time
from pathlib import Path

import FPSim2
import numpy as np
import rdkit
import tables
from FPSim2.io.backends.pytables import create_schema
from rdkit import Chem, DataStructs, RDLogger
from rdkit.Chem import rdFingerprintGenerator, rdSubstructLibrary

RDLogger.DisableLog("rdApp.*")
threads = int(sys.argv[1])
generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
engine = library = None


def samples(task):
    start = time.perf_counter()
    folder, out = Path(task["samples"]), Path(task["out"])
    if not out.exists():
        smiles = []
        for name in ("chembl_drugs.csv", "chembl_samples.csv", "freesolv.csv"):
            with open(folder / name) as file:
                smiles += [row["smiles"] for row in csv.DictReader(file)]
        smiles += map(Chem.MolToSmiles, Chem.SDMolSupplier(str(folder / "solubility.train.sdf")))
        unfinished(out).write_text("\n".join(smiles) + "\n")
        unfinished(out).rename(out)
    return time.perf_counter() - start


def fingerprints(task):
    smiles = Path(task["fingerprints"]).read_text().split()
    start = time.perf_counter()
    molecules = [Chem.MolFromSmiles(text) for text in smiles]
    read = time.perf_counter()
    made = [generator.GetFingerprint(molecule) for molecule in molecules]
    end = time.perf_counter()
    Path(task["out"]).write_bytes(b"".join(map(DataStructs.BitVectToBinaryText, made)))
    return {"read": read - start, "make": end - read}


def matrix(path):
    """Rows and width as two u32, then the bytes."""
    rows, width = np.fromfile(path, dtype="<u4", count=2)
    return np.memmap(path, np.uint8, "r", offset=8, shape=(rows, width))


def index(task):
    """Writes the file that FPSim2 would make of molecules, and opens it as it is meant to be."""
    global engine
    path = Path(task["index"]).with_suffix(f".fpsim2-{FPSim2.__version__}.h5")
    if not path.exists():
        bits = matrix(task["index"])
        counts = np.concatenate([np.bitwise_count(part).sum(1) for part in np.array_split(bits, 100)])
        order = np.argsort(counts, kind="stable")
        # FPSim2's words begin with their highest bit.
        turned = np.packbits(np.arange(256, dtype=np.uint8)[:, None] >> np.arange(8) & 1, axis=1)[:, 0]
        with tables.open_file(str(unfinished(path)), mode="w") as file:
            schema = create_schema(bits.shape[1] * 8)
            table = file.create_table(file.root, "fps", schema, expectedrows=len(bits))
            for part in np.array_split(order, 100):
                words = turned[bits[part]].view(">u8").astype(np.uint64)
                columns = [part.astype(np.int64), *words.T, counts[part].astype(np.int64)]
                table.append(np.rec.fromarrays(columns, dtype=table.dtype))
            ends = np.searchsorted(counts[order], np.arange(bits.shape[1] * 8 + 1), side="right")
            bins = [(count, (int(ends[count - 1]) if count else 0, int(end))) for count, end in enumerate(ends)]
            config = file.create_vlarray(file.root, "config", atom=tables.ObjectAtom())
            for fact in ("Morgan", {"radius": 2, "fpSize": 2048}, rdkit.__version__, FPSim2.__version__):
                config.append(fact)
            config.append([(count, (start, end)) for count, (start, end) in bins if start < end])
        unfinished(path).rename(path)
    engine = FPSim2.FPSim2Engine(str(path))
    return f"FPSim2 {FPSim2.__version__}"


def similar(task):
    queries = [DataStructs.CreateFromBinaryText(row.tobytes()) for row in matrix(task["queries"])]
    if "top" in task:
        search = lambda query: engine.top_k(query, k=task["top"], threshold=task["threshold"], n_workers=1)
    else:
        search = lambda query: engine.similarity(query, threshold=task["above"], n_workers=1)
    start = time.perf_counter()
    found = [search(query) for query in queries]
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "similarities": [rows["coeff"].tolist() for rows in found]}


def load(task):
    """As RDKit's documentation does for large libraries: SMILES in memory, and pattern fingerprints."""
    global library
    path = Path(task["library"]).with_suffix(f".rdkit-{rdkit.__version__}.library")
    library = rdSubstructLibrary.SubstructLibrary(
        rdSubstructLibrary.CachedTrustedSmilesMolHolder(), rdSubstructLibrary.PatternHolder()
    )
    if not path.exists():
        for line in Path(task["library"]).read_text().splitlines():
            library.AddMol(Chem.MolFromSmiles(line.split()[0]))
        unfinished(path).write_bytes(library.Serialize())
        unfinished(path).rename(path)
    else:
        library.InitFromStream(open(path, "rb"))
    return f"SubstructLibrary (RDKit {rdkit.__version__}, CachedTrustedSmilesMolHolder, PatternHolder)"


def contains(task):
    wanted = Chem.MolFromSmarts(task["contains"]) if task["kind"] == "smarts" else query(task["contains"])
    start = time.perf_counter()
    found = library.GetMatches(wanted, useChirality=False, numThreads=threads, maxResults=-1)
    return {"ms": (time.perf_counter() - start) * 1e3, "matches": len(found)}


def query(smiles):
    """What RDKit's book advises for molecules as queries: a dummy is any atom."""
    adjustments = Chem.AdjustQueryParameters.NoAdjustments()
    adjustments.makeDummiesQueries = True
    return Chem.AdjustQueryProperties(Chem.MolFromSmiles(smiles), adjustments)


def unfinished(path):
    return path.with_name(path.name + ".unfinished")


tasks = {
    "samples": samples,
    "fingerprints": fingerprints,
    "index": index,
    "top": similar,
    "above": similar,
    "library": load,
    "contains": contains,
}
for line in sys.stdin:
    task = json.loads(line)
    print(json.dumps(next(work for name, work in tasks.items() if name in task)(task)), flush=True)
