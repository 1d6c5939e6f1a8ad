"""Molfiles and CXSMILES, each with one feature of the CTfile specification or of ChemAxon's extensions, and what RDKit
makes of them: `{"name", "text", "smiles"}` a line, `smiles` null where RDKit refuses. For tests/ctfiles.rs."""

import json
import sys

from rdkit import Chem, RDLogger

RDLogger.DisableLog("rdApp.*")


def v2000(atoms, bonds, properties=(), chiral=0, end=True):
    """Atoms are (symbol, {column: value}) with columns mass, charge, parity, hcount, care, valence; at x, y of a zigzag."""
    lines = ["name", "  generator", "", f"{len(atoms):3d}{len(bonds):3d}  0  0{chiral:3d}  0  0  0  0  0999 V2000"]
    for at, (symbol, columns) in enumerate(atoms):
        x, y = columns.get("at", (1.3 * at, 0.7 * (at % 2)))
        get = lambda name: columns.get(name, 0)
        lines.append(
            f"{x:10.4f}{y:10.4f}{columns.get('z', 0):10.4f} {symbol:<3}{get('mass'):2d}{get('charge'):3d}"
            f"{get('parity'):3d}{get('hcount'):3d}{get('care'):3d}{get('valence'):3d}  0  0  0{get('map'):3d}  0  0"
        )
    for bond in bonds:
        a, b, order, stereo, topology = (*bond, 0, 0)[:5]
        lines.append(f"{a:3d}{b:3d}{order:3d}{stereo:3d}  0{topology:3d}  0")
    lines += list(properties)
    return "\n".join(lines + (["M  END"] if end else [])) + "\n"


def v3000(atoms, bonds, more=(), counts=None, chiral=0):
    """Atoms are (symbol, "KEY=value …"), bonds (order, a, b, "KEY=value …")."""
    lines = ["name", "  generator", "", "  0  0  0     0  0            999 V3000", "M  V30 BEGIN CTAB"]
    lines.append(f"M  V30 COUNTS {counts or f'{len(atoms)} {len(bonds)} 0 0 {chiral}'}")
    lines.append("M  V30 BEGIN ATOM")
    for at, (symbol, keys) in enumerate(atoms):
        lines.append(f"M  V30 {at + 1} {symbol} {1.3 * at:.4f} {0.7 * (at % 2):.4f} 0 0 {keys}".rstrip())
    lines += ["M  V30 END ATOM", "M  V30 BEGIN BOND"]
    for at, (order, a, b, keys) in enumerate(bonds):
        lines.append(f"M  V30 {at + 1} {order} {a} {b} {keys}".rstrip())
    lines += ["M  V30 END BOND", *more, "M  V30 END CTAB", "M  END"]
    return "\n".join(lines) + "\n"


def chain(symbols):
    atoms = [(symbol, {}) if isinstance(symbol, str) else symbol for symbol in symbols]
    return atoms, [(at + 1, at + 2, 1) for at in range(len(atoms) - 1)]


def sgroup(kind, *more):
    return [f"M  STY  1   1 {kind}", "M  SAL   1  1   2", "M  SMT   1 text", *more]


def molfiles():
    plain = chain("CCO")
    yield "plain", v2000(*plain)
    for symbol in ["CL", "BR", "Cl", "NA", "FE", "SI", "D", "T", "A", "Q", "X", "M", "*", "R", "R#", "R1", "L", "LP", "Du",
                   "Pol", "Mod", "AH", "QH", "XH", "MH", "Xx", "cl", "c", "H", "Hg", "U", "Lv", "Og", "X ", "Ph", "Me"]:
        yield f"symbol {symbol}", v2000(*chain(["C", symbol]))
        yield f"symbol {symbol} alone", v2000(*chain([symbol]))
        yield f"v3 symbol {symbol}", v3000([("C", ""), (symbol, "")], [(1, 1, 2, "")])
    for charge in range(0, 9):
        yield f"charge {charge}", v2000(*chain([("N", {"charge": charge}), "C"]))
        yield f"charge {charge} on carbon", v2000(*chain([("C", {"charge": charge}), "C"]))
    yield "both charges", v2000(*chain([("N", {"charge": 3}), "C"]), ["M  CHG  1   2  -1"])
    yield "charge column and radical line", v2000(*chain([("N", {"charge": 3}), "C"]), ["M  RAD  1   2   2"])
    yield "radical column and charge line", v2000(*chain([("C", {"charge": 4}), "N"]), ["M  CHG  1   2   1"])
    for charge in [-4, -2, -1, 1, 2, 3, 4, 15, 16]:
        yield f"M CHG {charge}", v2000(*chain(["Fe"]), [f"M  CHG  1   1 {charge:3d}"])
    yield "M CHG twice", v2000(*chain("NCC"), ["M  CHG  1   1   1", "M  CHG  1   3  -1"])
    yield "M CHG of two", v2000(*chain("NCC"), ["M  CHG  2   1   1   3  -1"])
    yield "M CHG of an atom that is not there", v2000(*plain, ["M  CHG  1   9   1"])
    yield "M CHG of fewer than said", v2000(*plain, ["M  CHG  2   1   1"])
    for radical in [0, 1, 2, 3, 4]:
        for symbol in ["C", "N", "O", "Si", "Fe"]:
            yield f"M RAD {radical} {symbol}", v2000(*chain([symbol, "C"]), [f"M  RAD  1   1   {radical}"])
            yield f"v3 RAD {radical} {symbol}", v3000([(symbol, f"RAD={radical}"), ("C", "")], [(1, 1, 2, "")])
    yield "M RAD and CHG", v2000(*chain("CC"), ["M  CHG  1   1   1", "M  RAD  1   1   2"])
    for mass in [-3, -1, 1, 2, 4]:
        yield f"mass {mass}", v2000(*chain([("C", {"mass": mass}), "O"]))
    yield "mass of hydrogen", v2000(*chain([("H", {"mass": 1}), "O"]))
    yield "mass of chlorine", v2000(*chain([("Cl", {"mass": 2}), "C"]))
    yield "mass of bromine", v2000(*chain([("Br", {"mass": 2}), "C"]))
    yield "M ISO", v2000(*plain, ["M  ISO  1   1  13"])
    yield "M ISO and mass", v2000(*chain([("C", {"mass": 1}), "O"]), ["M  ISO  1   2  18"])
    yield "M ISO and mass of one atom", v2000(*chain([("C", {"mass": 2}), "O"]), ["M  ISO  1   1  13"])
    yield "M ISO of hydrogen", v2000(*chain("CH"), ["M  ISO  1   2   2"])
    yield "v3 MASS", v3000([("C", "MASS=13"), ("O", "")], [(1, 1, 2, "")])
    yield "v3 MASS of hydrogen", v3000([("C", ""), ("H", "MASS=2")], [(1, 1, 2, "")])
    for parity in [1, 2, 3]:
        yield f"parity {parity}", v2000(*chain(["C", ("C", {"parity": parity}), "O"]))
    for hcount in range(1, 6):
        yield f"hcount {hcount}", v2000(*chain([("C", {"hcount": hcount}), "C"]))
        yield f"v3 HCOUNT {hcount}", v3000([("C", f"HCOUNT={hcount - 1}"), ("C", "")], [(1, 1, 2, "")])
    yield "v3 HCOUNT -1", v3000([("C", "HCOUNT=-1"), ("C", "")], [(1, 1, 2, "")])
    yield "stereo care", v2000(*chain([("C", {"care": 1}), "C"]))
    for symbol in ["C", "N", "S", "P", "Fe"]:
        for valence in [1, 2, 3, 4, 5, 6, 15]:
            yield f"valence {valence} {symbol}", v2000(*chain([(symbol, {"valence": valence}), "C"]))
            yield f"v3 VAL {valence} {symbol}", v3000([(symbol, f"VAL={valence}"), ("C", "")], [(1, 1, 2, "")])
    yield "v3 VAL -1", v3000([("C", "VAL=-1"), ("C", "")], [(1, 1, 2, "")])
    yield "atom map", v2000(*chain([("C", {"map": 3}), "O"]))
    for order in range(0, 15):
        for symbols in ["CC", "OO", "NB", ["N", "Fe"], ["Fe", "N"]]:
            atoms, bonds = chain(symbols)
            yield f"bond {order} {''.join(symbols)}", v2000(atoms, [(1, 2, order)])
            yield f"v3 bond {order} {''.join(symbols)}", v3000([(s, "") for s in symbols], [(order, 1, 2, "")])
    ring = [(at + 1, (at + 1) % 6 + 1, 4) for at in range(6)]
    hexagon = [(0, 0), (1, 0), (1.5, 0.87), (1, 1.73), (0, 1.73), (-0.5, 0.87)]
    yield "aromatic ring", v2000([("C", {"at": at}) for at in hexagon], ring)
    yield "aromatic pyridine", v2000([("C" if at else "N", {"at": place}) for at, place in enumerate(hexagon)], ring)
    pentagon = [(0, 1), (0.95, 0.31), (0.59, -0.81), (-0.59, -0.81), (-0.95, 0.31)]
    five = [(at + 1, (at + 1) % 5 + 1, 4) for at in range(5)]
    yield "aromatic pyrrole", v2000([("C" if at else "N", {"at": place}) for at, place in enumerate(pentagon)], five)
    yield "aromatic furan", v2000([("C" if at else "O", {"at": place}) for at, place in enumerate(pentagon)], five)
    centre = [("C", {"at": (0, 0)}), ("F", {"at": (1, 0)}), ("Cl", {"at": (-0.5, 0.87)}), ("Br", {"at": (-0.5, -0.87)})]
    for stereo in [0, 1, 4, 6, 3]:
        yield f"wedge {stereo}", v2000(centre, [(1, 2, 1, stereo), (1, 3, 1), (1, 4, 1)])
        yield f"wedge {stereo} chiral", v2000(centre, [(1, 2, 1, stereo), (1, 3, 1), (1, 4, 1)], chiral=1)
    for cfg in [0, 1, 2, 3]:
        keys = f"CFG={cfg}"
        yield f"v3 CFG {cfg}", v3000([("C", ""), ("F", ""), ("Cl", ""), ("Br", "")],
                                     [(1, 1, 2, keys), (1, 1, 3, ""), (1, 1, 4, "")])
        yield f"v3 atom CFG {cfg}", v3000([("C", keys), ("F", ""), ("Cl", ""), ("Br", "")],
                                          [(1, 1, 2, ""), (1, 1, 3, ""), (1, 1, 4, "")])
    alkene = [("F", {"at": (-1.5, 1)}), ("C", {"at": (-0.6, 0)}), ("C", {"at": (0.6, 0)}), ("F", {"at": (1.5, 1)})]
    trans = [*alkene[:3], ("F", {"at": (1.5, -1)})]
    for stereo in [0, 3]:
        yield f"cis {stereo}", v2000(alkene, [(1, 2, 1), (2, 3, 2, stereo), (3, 4, 1)])
        yield f"trans {stereo}", v2000(trans, [(1, 2, 1), (2, 3, 2, stereo), (3, 4, 1)])
    yield "wavy beside a double bond", v2000(alkene, [(2, 1, 1, 4), (2, 3, 2), (3, 4, 1)])
    yield "in space", v2000([("C", {"at": (0, 0)}), ("F", {"at": (1, 0), "z": -0.3}), ("Cl", {"at": (-0.5, 0.87), "z": -0.3}),
                             ("Br", {"at": (-0.5, -0.87), "z": -0.3}), ("I", {"at": (0, 0), "z": 1})],
                            [(1, 2, 1), (1, 3, 1), (1, 4, 1), (1, 5, 1)])
    for topology in [1, 2]:
        yield f"bond topology {topology}", v2000(plain[0], [(1, 2, 1, 0, topology), (2, 3, 1)])
    for name, lines in {
        "M ALS": ["M  ALS   3  2 F N   O   "], "M ALS not": ["M  ALS   3  2 T N   O   "],
        "M RGP": ["M  RGP  1   3   1"], "M LOG": ["M  LOG  1   1   0   0"], "M SUB": ["M  SUB  1   2   2"],
        "M UNS": ["M  UNS  1   2   1"], "M RBC": ["M  RBC  1   2   2"], "M LIN": ["M  LIN  1   2   4   1   3"],
        "M APO": ["M  APO  1   1   1"], "M AAL": ["M  AAL   2  2   1   1   3   2"], "M ZBO": ["M  ZBO  1   1   0"],
        "M ZCH": ["M  ZCH  1   1   1"], "M HYD": ["M  HYD  1   1   2"], "M XYZ": ["M  XYZ  1   1   1"],
        "M MRV SMA": ["M  MRV SMA   1 [#6]"], "M $3D": ["M  $3D  1"], "A alias": ["A    3", "alias"],
        "A alias with an end": ["A    3", "M  END"], "V value": ["V    1 value"], "G group": ["G    1   2", "group"],
        "S SKP": ["S  SKP  1", "anything at all"], "M REG": ["M  REG 12345"], "a blank line": [""],
        "M STY GEN": sgroup("GEN"), "M STY DAT": ["M  STY  1   1 DAT", "M  SAL   1  1   2", "M  SDT   1 n", "M  SED   1 x"],
        "M STY SUP": sgroup("SUP", "M  SBL   1  1   1"), "M STY SRU": sgroup("SRU", "M  SBL   1  2   1   2", "M  SCN  1   1 HT"),
        "M STY MUL": ["M  STY  1   1 MUL", "M  SAL   1  1   2", "M  SPA   1  1   2", "M  SMT   1 3"],
        "M STY MIX": sgroup("MIX"), "M STY COM": sgroup("COM"), "M STY ANY": sgroup("ANY"),
    }.items():
        yield name, v2000(*plain, lines)
    yield "R group", v2000(*chain(["C", "R#"]), ["M  RGP  1   2   1"])
    yield "R group 7", v2000(*chain(["C", "R#"]), ["M  RGP  1   2   7"])
    yield "R group in a list", v2000(*chain(["C", "R#"]), ["M  RGP  1   2   1", "M  LOG  1   1   0   0"])
    yield "atom list", v2000(*chain(["C", "L"]), ["M  ALS   2  2 F N   O   "])
    yield "atom list not", v2000(*chain(["C", "L"]), ["M  ALS   2  2 T N   O   "])
    yield "no end", v2000(*plain, end=False)
    yield "carriage returns", v2000(*plain).replace("\n", "\r\n")
    yield "two fragments", v2000([("C", {}), ("O", {})], [])
    yield "no atoms", v2000([], [])
    yield "an atom bound to itself", v2000(plain[0], [(1, 1, 1)])
    yield "a bond twice", v2000(plain[0], [(1, 2, 1), (2, 1, 1), (2, 3, 1)])
    yield "a bond to nowhere", v2000(plain[0], [(1, 9, 1)])
    yield "hydrogens drawn", v2000(*chain("HOH"))
    yield "v3 plain", v3000([("C", ""), ("C", ""), ("O", "")], [(1, 1, 2, ""), (1, 2, 3, "")])
    yield "v3 CHG", v3000([("N", "CHG=1"), ("C", "")], [(1, 1, 2, "")])
    yield "v3 unknown key", v3000([("N", "FOO=1"), ("C", "")], [(1, 1, 2, "")])
    for key in ["ATTCHPT=1", "ATTCHORD=(2 1 A)", "RGROUPS=(1 1)", "SUBST=2", "UNSAT=1", "RBCNT=2", "CLASS=AA", "SEQID=1",
                "INVRET=1", "EXACHG=1", "STBOX=1"]:
        yield f"v3 {key}", v3000([("C", key), ("C", "")], [(1, 1, 2, "")])
        yield f"v3 R# {key}", v3000([("C", ""), ("R#", key)], [(1, 1, 2, "")])
    for key in ["TOPO=1", "RXCTR=1", "STBOX=1", "DISP=COORD", "ENDPTS=(2 1 2)", "ATTACH=ALL", "ENDPTS=(2 1 2) ATTACH=ANY"]:
        yield f"v3 bond {key}", v3000([("C", ""), ("C", "")], [(1, 1, 2, key)])
    yield "v3 haptic", v3000([("C", ""), ("C", ""), ("*", ""), ("Fe", "")],
                             [(2, 1, 2, ""), (9, 3, 4, "ENDPTS=(2 1 2) ATTACH=ALL")])
    yield "v3 list", v3000([("C", ""), ("[N,O]", "")], [(1, 1, 2, "")])
    yield "v3 list not", v3000([("C", ""), ('"NOT[N,O]"', "")], [(1, 1, 2, "")])
    yield "v3 continuation", v3000([("N", "-\nM  V30 CHG=1"), ("C", "")], [(1, 1, 2, "")])
    yield "v3 sgroup", v3000([("C", ""), ("C", "")], [(1, 1, 2, "")],
                             ["M  V30 BEGIN SGROUP", "M  V30 1 DAT 0 ATOMS=(1 1) FIELDNAME=n FIELDDATA=x", "M  V30 END SGROUP"])
    yield "v3 collection", v3000([("C", ""), ("C", "")], [(1, 1, 2, "")],
                                 ["M  V30 BEGIN COLLECTION", "M  V30 MDLV30/STEABS ATOMS=(1 1)", "M  V30 END COLLECTION"])
    yield "v3 linknode", v3000([("C", ""), ("C", ""), ("C", "")], [(1, 1, 2, ""), (1, 2, 3, "")],
                               ["M  V30 LINKNODE 1 3 2 2 1 2 3"])
    yield "v3 obj3d", v3000([("C", ""), ("C", "")], [(1, 1, 2, "")], counts="2 1 0 1 0")
    many = [("C", "")] * 1001
    yield "v3 a thousand atoms", v3000(many[:999], [(1, at + 1, at + 2, "") for at in range(998)])


def cxsmiles():
    for text in """
        N[Fe] |C:0.0|
        C |^1:0|
        CC |^1:0,1|
        [CH3]C |^1:0|
        C[O] |^1:1|
        CC |^2:0|
        CC |^3:0|
        CC |^4:0|
        CC |^5:0|
        CCO |H:1.1|
        CCO |H:0.1|
        CO[Na] |Z:1|
        CCO |Z:0|
        C1CCCCC1 |u:0.0|
        CC=CC |ctu:1|
        CC=CC |w:1.0|
        C* |$Me;R1$|
        C* |$;R1$|
        C* |$;Q_e$|
        C* |$;A$|
        C* |$;QH_p$|
        C* |$;star_e$|
        C* |$;_AP1$|
        C* |$;LO_p$|
        CCO |$_AV:1;2;3$|
        CCC |(0,0,;1,0,;2,0,)|
        CC=CC |t:1|
        CC=CC |c:1|
        C/C=C/C |c:1|
        CN(C)(C)C |C:1.3|
        CC |atomProp:0.key.value|
        C[C@H](O)F |&1:1|
        C[C@H](O)F |o1:1|
        C[C@H](O)F |a:1|
        C[C@H](O)F |r|
        CC(O)F |wU:1.1|
        CC(O)F |wD:1.1|
        CC(O)F |wU:1.1,(0,0,;1,0,;1,1,;2,0,)|
        CCO |Sg:n:1::ht|
        CCO |SgD:1:name:value::::|
        CCO |m:1:0.2|
        CCO |LN:1:1.3|
        C*C |LN:1:1.3.0.2|
        CCO |LP:2:2|
        CCO |lp:2:2|
        CCO |rb:0:1|
        CCO |s:0:1|
        CCO |RG:_R1={C}|
        CCO |f:0.1|
        CCO.C |f:0.1|
        CCO |nothing|
        CCO ||
        CCO |^1:9|
        CCO |^1:0
    """.strip().splitlines():
        yield f"cx {text.strip()}", text.strip()


def of_molfile(text):
    try:
        molecule = Chem.MolFromMolBlock(text)
    except Exception:
        return None
    return Chem.MolToSmiles(molecule) if molecule else None


def of_cxsmiles(text):
    try:
        parameters = Chem.SmilesParserParams()
        parameters.parseName = True
        molecule = Chem.MolFromSmiles(text, parameters)
    except Exception:
        return None
    return Chem.MolToSmiles(molecule) if molecule else None


if __name__ == "__main__":
    with open(sys.argv[1], "w") as out:
        for texts, read in [(molfiles(), of_molfile), (cxsmiles(), of_cxsmiles)]:
            for name, text in texts:
                print(json.dumps({"name": name, "text": text, "smiles": read(text)}), file=out)
