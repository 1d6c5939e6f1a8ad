#!/usr/bin/env bash
# Questions with their answers, in the folder questions below $1: `faq.jsonl`, the frequently asked questions of Perl,
# Python and Debian (Debian's perl-doc, python3.*-doc and debian-faq), 586 pairs in Debian 12; and beside it, in the folder
# chatterbot, the YAML files of PyPI's chatterbot-corpus. `LICENCES` says what may be done with them. Fetched without being
# installed; quick when they are there.
set -euo pipefail

mkdir -p "$1"
questions=$1/questions
chatterbot=$1/chatterbot

# apt-get reads the package under a user of its own, who may not see this folder; root's own run does without.
download() { (cd "$1" && apt-get -qq -o APT::Sandbox::User=root download "${@:2}"); }
refresh() {
    if [ "$(id -u)" -eq 0 ]; then apt-get -qq update
    elif command -v sudo > /dev/null; then sudo -n apt-get -qq update
    else return 1; fi > /dev/null 2>&1
}
# The documentation of the newest Python that this Debian has: 3.11 in Debian 12, 3.13 in Debian 13.
python_doc() { apt-cache pkgnames python3. 2> /dev/null | grep -xE 'python3\.[0-9]+-doc' | sort -V | tail -n 1; }
refuse() {
    echo "error: $1" >&2
    shift
    printf 'hint: %s\n' "$@" >&2
    exit 1
}
by_hand="or write $questions/faq.jsonl yourself, a line {\"question\": ..., \"answer\": ...} a pair, then: touch"
by_hand="$by_hand $questions/ready"

faq() {
    [ -e "$questions/ready" ] && return
    local tool new python
    for tool in apt-get apt-cache dpkg python3; do
        command -v $tool > /dev/null || refuse \
            "the sample questions are made of Debian packages with python3, and there is no $tool here" \
            "take a Debian or Ubuntu with python3, $by_hand"
    done
    echo "fetching the sample questions (perl-doc, python3-doc, debian-faq: about 20 MB, once)" >&2
    rm -rf "$questions.new" "$questions"
    mkdir -p "$questions.new/packages"
    new=$(cd "$questions.new" && pwd)
    python=$(python_doc) || refresh || true
    python=${python:-$(python_doc || true)}
    [ -n "$python" ] || refuse "apt-get knows no python3.*-doc" \
        "run apt-get update, as root and with Debian's archive in reach, $by_hand"
    set -- perl-doc "$python" debian-faq
    download "$new/packages" "$@" 2> /dev/null || { refresh || true; download "$new/packages" "$@"; } || refuse \
        "apt-get could not fetch $*" \
        "is Debian's archive in reach? run apt-get update as root, $by_hand"
    for package in "$new/packages"/*.deb; do
        dpkg -x "$package" "$new/unpacked"
    done
    extract "$new" "$python"
    for package in "$@"; do
        cp "$new/unpacked/usr/share/doc/$package/copyright" "$new/copyright-$package"
    done
    licences "$python" > "$new/LICENCES"
    rm -rf "$new/unpacked" "$new/packages"
    touch "$new/ready"
    mv "$new" "$questions"
}

# Not needed to try the program: without it, the questions above remain, and the next run tries again.
chatterbot() {
    [ -e "$chatterbot/ready" ] && return
    local new=$chatterbot.new
    rm -rf "$new" "$chatterbot"
    mkdir -p "$new"
    if ! python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: \
        --dest "$new" chatterbot-corpus==1.3.3 2> "$new/log"; then
        echo "warning: left out the second folder, PyPI's chatterbot-corpus: $(tail -n 1 "$new/log")" >&2
        echo "hint: with python3's pip and PyPI in reach, the next run fetches it" >&2
        rm -rf "$new"
        return
    fi
    python3 - "$new" << 'END'
import pathlib, sys, zipfile

folder = pathlib.Path(sys.argv[1])
wheel = next(folder.glob("*.whl"))
with zipfile.ZipFile(wheel) as archive:
    for name in archive.namelist():
        path = pathlib.PurePosixPath(name)
        if path.parts[:2] == ("chatterbot_corpus", "data") and path.suffix == ".yml":
            target = folder.joinpath(*path.parts[2:])
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(archive.read(name))
wheel.unlink()
END
    rm "$new/log"
    touch "$new/ready"
    mv "$new" "$chatterbot"
}

licences() {
    cat << END
perlfaq     Debian's perl-doc: Artistic or GPL-1+, "the same terms as Perl itself"; code examples in the public domain
pythonfaq   Debian's $1: PSF-2.0, the Python Software Foundation's licence
debianfaq   Debian's debian-faq: copies and changed versions may be passed on under the same notice, which must stay
chatterbot  PyPI's chatterbot-corpus: BSD

Each package's own words are in the files copyright-*. Markup is removed in faq.jsonl; nothing else is changed.
END
}

# Writes faq.jsonl in the folder $1, of the packages unpacked in its folder `unpacked`; $2 is the package of Python.
extract() {
    python3 - "$1" "$2" << 'END'
import html.parser, json, pathlib, re, sys, urllib.parse

folder, python = pathlib.Path(sys.argv[1]), sys.argv[2].removesuffix("-doc")
share = folder / "unpacked/usr/share"
# Shorter answers only point elsewhere.
SHORTEST = 50


def squeeze(text):
    return re.sub(r"\s+", " ", text).strip()


def tidy(blocks):
    """Paragraphs with an empty line between them. Blocks that begin with a space are code, and keep their lines."""
    return re.sub(r"\n{3,}", "\n\n", "\n\n".join(block.rstrip() for block in blocks if block.strip())).strip("\n")


# Perl's plain old documentation

ENTITIES = {"lt": "<", "gt": ">", "verbar": "|", "sol": "/"}


def pod_link(text):
    if "|" in text:
        return text.split("|", 1)[0]
    if re.match(r"\w+:[^:\s]", text) or "/" not in text:
        return text
    page, section = text.split("/", 1)
    quoted = '"%s"' % section.strip('"')
    return f"{quoted} in {page}" if page else quoted


def pod_code(kind, inner):
    if kind in "XZ":
        return ""
    if kind == "E":
        return ENTITIES.get(inner) or html.unescape(f"&{inner};")
    return pod_link(inner) if kind == "L" else inner


def pod_inline(text):
    """Replaces formatting codes, from the innermost outwards; `C<< a < b >>` may hold single brackets."""
    text = re.sub(r"([BCFILSX])<<+\s+(.*?)\s+>>+", lambda m: hide(pod_code(m[1], m[2])), text, flags=re.S)
    code = re.compile(r"([BCEFILSXZ])<([^<>]*)>")
    while code.search(text):
        text = code.sub(lambda m: hide(pod_code(m[1], m[2])), text)
    return text.replace("\0", "<").replace("\1", ">")


def hide(text):
    return text.replace("<", "\0").replace(">", "\1")


def pod(path):
    title = question = None
    blocks, skip = [], False
    for block in re.split(r"\n[ \t]*\n+", path.read_text("utf-8", "replace")) + ["=head1 END"]:
        block = block.strip("\n")
        command, _, rest = block.partition(" ") if block.startswith("=") else ("", "", block)
        rest = squeeze(pod_inline(rest)) if command else rest
        if command in ("=begin", "=end", "=for", "=encoding"):
            skip = command == "=begin"
        elif command in ("=head1", "=head2"):
            if question:
                yield question, tidy(blocks), title, perldoc(path.stem, question)
            question, blocks = (rest if command == "=head2" else None), []
        elif command == "=item":
            blocks.append("-" if rest == "*" else f"{rest}." if rest.isdigit() else rest)
        elif not command and not skip:
            if title is None and " - " in rest:
                title = squeeze(rest)
            code = block[:1] in " \t"
            text = block.expandtabs() if code else squeeze(pod_inline(block))
            if code and blocks and blocks[-1][:1] == " ":
                blocks[-1] += "\n\n" + text
            elif blocks and re.fullmatch(r"-|\d+\.", blocks[-1]):
                blocks[-1] += " " + text
            else:
                blocks.append(text)


def perldoc(page, question):
    anchor = urllib.parse.quote(question.replace(" ", "-"), safe="()',?!:;@$*+=/")
    return f"https://perldoc.perl.org/{page}#{anchor}"


# Python's reStructuredText

CODE = {"code-block", "sourcecode", "doctest", "testcode"}
KEPT = CODE | {"note", "warning", "seealso", "versionadded", "versionchanged"}


def rst_role(match):
    role, text = match[1], re.sub(r"\s*<[^<>]*>$", "", match[2]).lstrip("!")
    if text.startswith("~"):
        text = text.rpartition(".")[2]
    if role == "pep":
        return f"PEP {text}"
    called = role.rpartition(":")[2] in ("func", "meth") and not text.endswith(")") and " " not in text
    return text.lstrip("~") + "()" * called


def rst_inline(text):
    text = re.sub(r":([\w:+-]+):`([^`]+)`", rst_role, text)
    text = re.sub(r"(?<!`)`([^`]+?)\s*<[^<>`]*>`__?", r"\1", text)
    text = re.sub(r"``(.+?)``", r"\1", text)
    text = re.sub(r"(?<![`\w])`([^`]+)`_{0,2}", r"\1", text)
    return re.sub(r"(?<![\w*])(\*\*?)(?=\S)([^*\n]+?)(?<=\S)\1(?![\w*])", r"\2", text).replace("\\ ", "").replace("\\*", "*")


def indent(line):
    return len(line) - len(line.lstrip())


def rst_block(lines):
    """The lines of a directive, from its first: its name, what follows it, and its content without the indentation."""
    start = re.match(r"\s*\.\. (?:([\w-]+)::\s*(.*)|.*)$", lines[0])
    content = lines[1:]
    options = [line.strip() for line in content if re.match(r"\s+:\w[\w-]*:", line)]
    content = [line for line in content if line.strip() not in options]
    least = min((indent(line) for line in content if line.strip()), default=0)
    return start[1], (start[2] or "").strip(), options, [line[least:] for line in content]


def rst_text(lines):
    """Blocks of text: paragraphs on one line, code indented by four."""
    blocks, paragraph, at, literal = [], [], 0, False

    def flush():
        nonlocal literal
        if paragraph:
            text = squeeze(rst_inline(" ".join(paragraph)))
            literal = text.endswith("::")
            text = re.sub(r"\s*::$", ":" if text != "::" else "", text)
            blocks.append(text)
            paragraph.clear()

    def inner(start):
        end = start
        while end < len(lines) and (not lines[end].strip() or indent(lines[end]) > indent(lines[start - 1])):
            end += 1
        return end

    while at < len(lines):
        line = lines[at]
        if re.match(r"\s*\.\.( |$)", line):
            flush()
            end = inner(at + 1)
            name, argument, options, content = rst_block(lines[at:end])
            if name in KEPT and ":hide:" not in options:
                if name in CODE:
                    blocks.append(as_code(content))
                else:
                    told = rst_text([argument, ""] + content)
                    blocks.extend(["Note: " + told[0], *told[1:]] if name == "note" and told else told)
            at, literal = end, False
            continue
        if not line.strip():
            flush()
        elif literal and indent(line) and not paragraph:
            end = at
            while end < len(lines) and (not lines[end].strip() or indent(lines[end])):
                end += 1
            # A literal block ends where the indentation falls below its own.
            least = indent(line)
            end = next((n for n in range(at, end) if lines[n].strip() and indent(lines[n]) < least), end)
            blocks.append(as_code(lines[at:end]))
            at, literal = end, False
            continue
        elif line.lstrip().startswith(">>> ") and not paragraph:
            end = at
            while end < len(lines) and lines[end].strip():
                end += 1
            blocks.append(as_code(lines[at:end]))
            at = end
            continue
        elif re.match(r"\s*([*-]|\d+[.)]|#\.)\s", line) and (not paragraph or re.match(r"[*-] |\d|#", paragraph[0])):
            flush()
            paragraph.append(re.sub(r"^[*-]\s+", "- ", line.strip()))
            literal = False
        else:
            literal = False
            paragraph.append(line.strip())
        at += 1
    flush()
    return blocks


def as_code(lines):
    least = min((indent(line) for line in lines if line.strip()), default=0)
    return "\n".join(("    " + line[least:]).rstrip() for line in lines).strip("\n")


def rst(path):
    lines = path.read_text("utf-8").splitlines()
    under = [n for n in range(1, len(lines)) if re.fullmatch(r"([-=~^])\1{2,}", lines[n]) and lines[n - 1].strip()
             and not lines[n - 1][0].isspace() and not re.fullmatch(r"([-=~^])\1{2,}", lines[n - 1])]
    title = next((squeeze(lines[n - 1]) for n in under), path.name)
    page = f"https://docs.python.org/{python.removeprefix('python')}/faq/{path.name.split('.')[0]}.html"
    for n, end in zip(under, [n - 1 for n in under[1:]] + [len(lines)]):
        question = squeeze(re.sub(r"[`*]", "", lines[n - 1])).replace("\\", "")
        if lines[n][0] != "=" and "?" in question:
            slug = re.sub(r"[^a-z0-9]+", "-", question.lower()).strip("-")
            yield question, tidy(rst_text(lines[n + 1 : end])), title, f"{page}#{slug}"


# Debian's XHTML


class Chapter(html.parser.HTMLParser):
    """A chapter's sections: for each heading of level 2, its identifier, its text, and the blocks below it."""

    BLOCKS = {"p", "li", "pre", "dt", "dd", "tr", "h1", "h3", "h4", "div", "table", "br", "dl", "ul", "ol"}

    def __init__(self):
        super().__init__()
        self.title, self.sections, self.text, self.open, self.over = None, [], "", [], False
        self.mark, self.anchor = "", ""

    def flush(self):
        pre = "pre" in self.open
        kept = "\n".join("    " + line.rstrip() for line in self.text.strip("\n").splitlines())
        text = kept if pre else squeeze(self.text)
        if text.strip() and self.sections and not self.over:
            self.sections[-1][2].append(self.mark + text)
            self.mark = ""
        self.text = ""

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if tag == "div" and values.get("class") in ("navfooter", "footnotes"):
            self.flush()
            self.over = True
        if tag in self.BLOCKS or tag == "h2":
            self.flush()
        if tag == "li":
            self.mark = "- "
        if tag == "a" and "id" in values and self.open[-1:] == ["h2"]:
            self.anchor = values["id"]
        if tag not in ("br", "img", "hr", "meta", "link", "col"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag == "h2":
            heading = re.sub(r"^(Chapter )?[\d.]+\s*", "", squeeze(self.text))
            self.sections.append((self.anchor, heading, []))
            self.text = ""
        elif tag == "h1":
            self.title = re.sub(r"^Chapter \d+\.\s*", "", squeeze(self.text))
            self.text = ""
        elif tag in self.BLOCKS:
            self.flush()
        elif tag in ("td", "th"):
            self.text += "  "
        if tag in self.open:
            del self.open[len(self.open) - 1 - self.open[::-1].index(tag) :]

    def handle_data(self, data):
        if not {"style", "script", "title"} & set(self.open):
            self.text += data


def debian(path):
    chapter = Chapter()
    chapter.feed(path.read_text("utf-8", "replace"))
    chapter.close()
    chapter.flush()
    for anchor, question, blocks in chapter.sections:
        url = f"https://www.debian.org/doc/manuals/debian-faq/{path.name}#{anchor}"
        yield question, tidy(blocks), chapter.title, url


SOURCES = [
    ("perlfaq", pod, sorted((share / "perl").glob("*/pod/perlfaq[1-9].pod"))),
    ("pythonfaq", rst, sorted((share / f"doc/{python}/html/_sources/faq").glob("*.rst.txt"))),
    ("debianfaq", debian, sorted((share / "doc/debian/FAQ").glob("*.en.html"))),
]
with open(folder / "faq.jsonl", "w", encoding="utf-8") as out:
    for tag, read, paths in SOURCES:
        count, short = 0, []
        for question, answer, title, url in (pair for path in paths for pair in read(path)):
            if not question or len(squeeze(answer)) < SHORTEST:
                short.append(question)
                continue
            pair = {"question": question, "answer": answer, "tags": [tag], "title": title, "url": url}
            out.write(json.dumps(pair, ensure_ascii=False) + "\n")
            count += 1
        if count < 50:
            sys.exit(f"error: only {count} questions were found in the {tag}: has its package another form here?")
        left_out = f", {len(short)} left out as their answers have fewer than {SHORTEST} characters" if short else ""
        print(f"{tag}: {count} questions{left_out}{''.join(f'{chr(10)}    {question}' for question in short)}", file=sys.stderr)
END
}

if ! { [ -e "$questions/ready" ] && [ -e "$chatterbot/ready" ]; }; then
    exec 9> "$questions.lock"
    flock 9
    faq
    chatterbot
fi
echo "sample questions in $questions: of Perl (Artistic or GPL-1+), Python (PSF-2.0), Debian (free, the notice stays)," \
    "ChatterBot (BSD); see LICENCES there" >&2
