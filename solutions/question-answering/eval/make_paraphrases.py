"""Writes 300 questions made by rule of the sample questions, for evaluations that need more than people write by hand.

    make_paraphrases.py FAQ.jsonl OUT.jsonl

Each line is {"query", "expected"}, as in paraphrases.jsonl. The rules, drawn with a fixed seed: other words of a small
table, what stands at the end moved to the front, only the words that carry the meaning, and letters swapped, lost or
doubled as when typing fast. The same sample questions give the same lines, with any Python since 3.8.
"""

import json
import random
import re
import sys

COUNT = 300

SYNONYMS = {
    "how do i": ["how can i", "how to", "what is the way to", "is there a way to", "I want to"],
    "how can i": ["how do I", "how to", "is it possible to", "what lets me", "I need to"],
    "how do you": ["how does one", "how to"],
    "what is": ["explain", "what does one mean by", "define"],
    "what's": ["what is", "explain"],
    "why does": ["for what reason does", "how come"],
    "why doesn't": ["how come it doesn't work:", "for what reason does not"],
    "why is": ["for what reason is", "how come"],
    "where can i": ["in what place can I", "how do I"],
    "what's the difference between": ["compare", "how to tell apart"],
    "find": ["look for", "locate", "determine"],
    "get": ["obtain", "fetch"],
    "create": ["make", "build", "set up"],
    "make": ["create", "build"],
    "use": ["work with", "employ"],
    "check": ["test", "verify"],
    "tell": ["find out", "know"],
    "remove": ["delete", "drop", "strip out"],
    "delete": ["remove", "erase"],
    "convert": ["turn", "change", "transform"],
    "print": ["output", "show", "write out"],
    "read": ["load", "take in"],
    "count": ["work out the number of", "tally"],
    "copy": ["duplicate", "clone"],
    "sort": ["order", "arrange"],
    "reverse": ["turn around", "flip"],
    "install": ["set up", "add"],
    "send": ["mail out", "deliver"],
    "store": ["keep", "save"],
    "run": ["start", "execute"],
    "change": ["modify", "alter"],
    "program": ["application", "script"],
    "programs": ["applications", "scripts"],
    "script": ["program"],
    "function": ["routine"],
    "file": ["document"],
    "files": ["documents"],
    "string": ["text", "piece of text"],
    "strings": ["texts"],
    "list": ["sequence"],
    "array": ["list"],
    "element": ["item", "entry"],
    "elements": ["items", "entries"],
    "error": ["failure", "problem"],
    "directory": ["folder"],
    "package": ["deb"],
    "packages": ["debs"],
    "system": ["machine", "computer"],
    "module": ["library"],
    "modules": ["libraries"],
    "object": ["instance"],
    "fast": ["quick"],
    "faster": ["quicker"],
    "possible": ["doable"],
    "difficult": ["hard"],
    "several": ["many"],
    "current": ["present"],
    "random": ["arbitrary"],
}
EMPTY = set(
    "a an the is are was be do does did how what which why when where who i my me you your it its of to in on for from with "
    "and or can could should would there this that these those at by as if so not into have has had am".split()
)


def synonyms(text, chance):
    """Replaces phrases and words of the table, about four in five of them."""

    def other(match):
        return chance.choice(SYNONYMS[match[0].lower()]) if chance.random() < 0.8 else match[0]

    phrases = sorted(SYNONYMS, key=len, reverse=True)
    return re.sub(r"\b(?:" + "|".join(map(re.escape, phrases)) + r")\b", other, text, flags=re.I)


def reorder(text, chance):
    """What stands after the last preposition to the front: `in Perl: how do I print`."""
    parts = re.split(r"\s+(?=(?:in|on|from|with|for|under|of)\s)", text.rstrip("?. "))
    if len(parts) < 2:
        return text
    return f"{parts[-1]}{chance.choice([', ', ': ', ' - '])}{' '.join(parts[:-1])}?"


def keywords(text, chance):
    """Only the words that carry the meaning, sometimes in another order."""
    words = [word for word in re.findall(r"[^\s?!,;]+", text) if word.lower() not in EMPTY]
    if len(words) > 3 and chance.random() < 0.5:
        cut = chance.randrange(1, len(words))
        words = words[cut:] + words[:cut]
    return " ".join(words).lower()


def typo(word, chance):
    at = chance.randrange(1, len(word) - 1)
    kind = chance.randrange(3)
    if kind == 0:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return word[:at] + word[at + 1 :] if kind == 1 else word[: at + 1] + word[at:]


def typos(text, chance):
    """One or two of the words of five letters and more."""
    words = text.split(" ")
    long = [at for at, word in enumerate(words) if re.fullmatch(r"[A-Za-z]{5,}", word)]
    chance.shuffle(long)
    for at in long[: 1 + (len(long) > 3)]:
        words[at] = typo(words[at], chance)
    return " ".join(words)


RULES = [
    (synonyms,),
    (synonyms, typos),
    (synonyms, reorder),
    (reorder, typos),
    (keywords,),
    (synonyms, keywords),
    (synonyms, keywords, typos),
]


def main(source, target):
    with open(source, encoding="utf-8") as file:
        questions = list(dict.fromkeys(json.loads(line)["question"] for line in file))
    chance = random.Random(20)
    chance.shuffle(questions)
    made = {}
    # As many rounds as it takes; a question that no rule changes is left for the next.
    for turn in range(10 * len(questions)):
        question = questions[turn % len(questions)]
        query = question
        for rule in RULES[turn % len(RULES)]:
            query = rule(query, chance)
        if query.lower().rstrip("? ") != question.lower().rstrip("? ") and query not in made:
            made[query] = question
        if len(made) == COUNT:
            break
    with open(target, "w", encoding="utf-8") as file:
        for query, question in made.items():
            file.write(json.dumps({"query": query, "expected": [question]}, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2])
