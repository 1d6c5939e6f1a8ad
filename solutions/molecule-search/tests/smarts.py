"""Which molecules RDKit finds each pattern of smarts.txt in: among every third sample molecule, and among others that have
what the samples lack. The first line holds the latter; then `{"primitive", "pattern", "samples", "others"}` a line, the hits
as texts of 0 and 1, null where RDKit refuses the pattern. For tests/smarts.rs.

    smarts.py SAMPLES PATTERNS OUT
"""

import json
import sys
from pathlib import Path

from rdkit import Chem, RDLogger

from reference import samples

RDLogger.DisableLog("rdApp.*")

OTHERS = """
[2H]C [2H]O[2H] [13CH4] [13CH3][13CH3] [15NH3] [3H]c1ccccc1 C[N+](C)(C)C [NH4+] [OH-] [O-2].[Ca+2] [Fe+2] [Na+].[Cl-] [H+]
[H][H] [H-] C[CH2] [CH2] C[O] [CH3+] [CH3-] C[Si](C)(C)C C[SiH3] B(O)O OB(O)c1ccccc1 C[Se]C c1cc[se]c1 [nH]1cccc1 c1ccoc1
C1CC1 C1CCC1 C1CCCCCC1 C1CCCCCCC1 C12CC1C2 C1CC2CCC1C2 C1CC2CC1CC2 c1ccc2ccccc2c1 C12C3C4C1C5C2C3C45 C#C C#N C=C=C C=C N=N
N#N O=O O=C=O F/C=C/F F/C=C\\F C/C=C/C C/C=C\\C CC=CC C[C@H](N)C(=O)O C[C@@H](N)C(=O)O CC(N)C(=O)O C[C@](N)(O)F C[C@@](N)(O)F
CS(=O)(=O)C CS(C)=O S(F)(F)(F)(F)(F)F P(Cl)(Cl)(Cl)(Cl)Cl OP(O)(O)=O CN=O C[N+](=O)[O-] c1ccncc1 c1cc[nH+]cc1 C[n+]1ccccc1
[NH3]->[Fe] N->[Fe]<-N [Fe] [Na][Na] ClC(Cl)(Cl)Cl BrCBr IC(I)I FC(F)(F)F NC(=O)N NC(=S)N CC(=O)NC OCC(O)CO C.N CO.CN
c1ccccc1.Cl O=Cc1ccccc1 C1=CCCCC1 C1=CC=CC=C1 c1ccccc1-c1ccccc1 C[C:1]C [CH3:7][OH:8] *C [13*] C[As](C)C c1cc[as]cc1
""".split()


def hits(wanted, molecules):
    return "".join("01"[molecule.HasSubstructMatch(wanted)] for molecule in molecules)


if __name__ == "__main__":
    folder, patterns, out = map(Path, sys.argv[1:])
    parsed = [Chem.MolFromSmiles(text) for text in list(samples(folder))[::3]]
    others = [text for text in OTHERS if Chem.MolFromSmiles(text)]
    other = [Chem.MolFromSmiles(text) for text in others]
    with open(out, "w") as file:
        print(json.dumps({"others": others}), file=file)
        for line in patterns.read_text().splitlines():
            if line and not line.startswith("#"):
                primitive, pattern = line.split("\t")
                wanted = Chem.MolFromSmarts(pattern)
                found = [hits(wanted, molecules) if wanted else None for molecules in (parsed, other)]
                row = {"primitive": primitive, "pattern": pattern, "samples": found[0], "others": found[1]}
                print(json.dumps(row), file=file)
