"""What both sides say, held against each other."""

# What differs.
FAULTS: list[str] = []


def compare(what: str, wanted, found, tolerance: float = 0) -> None:
    """Notes where two values differ, if they do."""
    differences = list(differ(wanted, found, tolerance))
    FAULTS.extend(f"{what}: {difference}" for difference in differences[:3])
    if len(differences) > 3:
        FAULTS.append(f"{what}: and {len(differences) - 3} more")


def differ(wanted, found, tolerance: float, at: str = ""):
    """Where two values of JSON differ; numbers may by the tolerance."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        for key in sorted(wanted.keys() | found.keys()):
            if key not in found:
                yield f"{at}.{key} is missing: {wanted[key]!s:.80}"
            elif key not in wanted:
                yield f"{at}.{key} is too much: {found[key]!s:.80}"
            else:
                yield from differ(wanted[key], found[key], tolerance, f"{at}.{key}")
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for i, (one, other) in enumerate(zip(wanted, found)):
            yield from differ(one, other, tolerance, f"{at}[{i}]")
    elif is_number(wanted) and is_number(found):
        if abs(wanted - found) > tolerance:
            yield f"{at} is {found} instead of {wanted}"
    elif wanted != found or type(wanted) is not type(found):
        yield f"{at} is {found!s:.80} instead of {wanted!s:.80}"


def is_number(value) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def compare_hits(what: str, wanted: dict, found: dict) -> None:
    """Notes where hits or scores differ; hits of one score may come in any order."""
    for id, one in wanted.items():
        other = found[id]
        compare(f"{what}, scores of {id}", one["scores"], other["scores"], 1e-4)
        score = dict(zip(other["hits"], other["scores"]))
        for rank, hit in enumerate(one["hits"]):
            if other["hits"][rank : rank + 1] != [hit] and abs(one["scores"][rank] - score.get(hit, 1e9)) > 1e-4:
                FAULTS.append(f"{what}: hit {rank} of {id} is {other['hits'][rank : rank + 1]} instead of {hit}")
