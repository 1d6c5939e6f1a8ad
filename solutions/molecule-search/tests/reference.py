"""What RDKit says of the sample molecules, for the tests to compare with.

    reference.py SAMPLES QUERIES OUT

writes to the folder OUT, a JSON object a line:

    molecules.jsonl   each sample molecule: canonical SMILES, fingerprints, properties
    hits.jsonl        each query: which molecules contain it, in that order, as a text of 0 and 1
    molfiles.jsonl    molfiles of every other molecule, in V2000 and V3000, some with hydrogens; what RDKit reads in them
    damaged.jsonl     SMILES with a few letters changed: whether RDKit takes them, as what, and its ECFP4
"""

import csv
import json
import random
import sys
from pathlib import Path

from rdkit import Chem, RDLogger
from rdkit.Chem import Crippen, Descriptors, MACCSkeys
from rdkit.Chem import rdFingerprintGenerator as generators
from rdkit.Chem import rdMolDescriptors as descriptors
from rdkit.DataStructs import BitVectToBinaryText

RDLogger.DisableLog("rdApp.*")
DAMAGED = 40_000


def samples(folder):
    for name in ("chembl_drugs.csv", "chembl_samples.csv", "freesolv.csv"):
        with open(folder / name) as file:
            for row in csv.DictReader(file):
                yield row["smiles"]
    for molecule in Chem.SDMolSupplier(str(folder / "solubility.train.sdf")):
        yield Chem.MolToSmiles(molecule)


def described(smiles, molecule):
    ecfp4 = generators.GetMorganGenerator(radius=2, fpSize=2048)
    ecfp6 = generators.GetMorganGenerator(radius=3, fpSize=2048)
    short = generators.GetMorganGenerator(radius=2, fpSize=512)
    packed = lambda bits: BitVectToBinaryText(bits).hex()
    return {
        "smiles": smiles,
        "canonical": Chem.MolToSmiles(molecule),
        "ecfp4": packed(ecfp4.GetFingerprint(molecule)),
        "ecfp6": packed(ecfp6.GetFingerprint(molecule)),
        "ecfp4-512": packed(short.GetFingerprint(molecule)),
        "maccs": packed(MACCSkeys.GenMACCSKeys(molecule)),
        "properties": {
            "formula": descriptors.CalcMolFormula(molecule),
            "mw": Descriptors.MolWt(molecule),
            "logp": Crippen.MolLogP(molecule),
            "tpsa": descriptors.CalcTPSA(molecule),
            "donors": descriptors.CalcNumHBD(molecule),
            "acceptors": descriptors.CalcNumHBA(molecule),
            "rotatable_bonds": descriptors.CalcNumRotatableBonds(molecule),
            "rings": descriptors.CalcNumRings(molecule),
            "aromatic_rings": descriptors.CalcNumAromaticRings(molecule),
            "heavy_atoms": molecule.GetNumHeavyAtoms(),
            "fraction_csp3": descriptors.CalcFractionCSP3(molecule),
        },
    }


def query(kind, text):
    if kind == "smarts":
        return Chem.MolFromSmarts(text)
    # What RDKit's book advises for molecules as queries: a dummy is any atom.
    adjustments = Chem.AdjustQueryParameters.NoAdjustments()
    adjustments.makeDummiesQueries = True
    return Chem.AdjustQueryProperties(Chem.MolFromSmiles(text), adjustments)


def hits(queries, molecules):
    for line in queries.read_text().splitlines():
        if line and not line.startswith("#"):
            kind, text = line.split(" ", 1)
            wanted = query(kind, text)
            found = "".join("01"[molecule.HasSubstructMatch(wanted)] for molecule in molecules)
            yield {"kind": kind, "query": text, "hits": found}


def molfiles(molecules):
    for number, molecule in enumerate(molecules[::2]):
        blocks = [Chem.MolToMolBlock(molecule), Chem.MolToV3KMolBlock(molecule)]
        if number % 10 == 0:
            blocks.append(Chem.MolToMolBlock(Chem.AddHs(molecule)))
        for block in blocks:
            yield {"molfile": block, "canonical": Chem.MolToSmiles(Chem.MolFromMolBlock(block))}


def damaged(smiles):
    chance = random.Random(5)
    short = [text for text in smiles if len(text) < 90]
    ecfp4 = generators.GetMorganGenerator(radius=2, fpSize=2048)
    letters = "CNOSPFIBcnosp()[]=#123456-+@/\\.HClBr%*"
    for _ in range(DAMAGED):
        text = list(chance.choice(short))
        for _ in range(chance.choice([1, 1, 1, 2, 3])):
            at, other, how = chance.randrange(len(text)), chance.randrange(len(text)), chance.randrange(4)
            if how == 0 and len(text) > 1:
                del text[at]
            elif how == 1:
                text.insert(at, chance.choice(letters))
            elif how == 2:
                text[at] = chance.choice(letters)
            else:
                text[at], text[other] = text[other], text[at]
        molecule = Chem.MolFromSmiles("".join(text))
        row = {"smiles": "".join(text), "canonical": molecule and Chem.MolToSmiles(molecule)}
        if molecule:
            row["ecfp4"] = BitVectToBinaryText(ecfp4.GetFingerprint(molecule)).hex()
        yield row


def write(path, rows):
    with open(path, "w") as file:
        for row in rows:
            file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    folder, queries, out = map(Path, sys.argv[1:])
    texts = list(samples(folder))
    parsed = [Chem.MolFromSmiles(text) for text in texts]
    write(out / "molecules.jsonl", (described(text, molecule) for text, molecule in zip(texts, parsed)))
    write(out / "hits.jsonl", hits(queries, parsed))
    write(out / "molfiles.jsonl", molfiles(parsed))
    write(out / "damaged.jsonl", damaged(texts))
