//! PDF and DOCX, made here byte by byte.

use std::fmt::Write as _;
use std::io::{Cursor, Write as _};

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::{passages, reading, refused, told};

/// A PDF of pages with these contents, the first object being the catalogue.
fn pdf(pages: &[&str], info: &str) -> Vec<u8> {
    let mut objects = vec!["<< /Type /Catalog /Pages 2 0 R >>".to_owned()];
    let kids: String = (0..pages.len()).map(|page| format!("{} 0 R ", 5 + 2 * page)).collect();
    objects.push(format!("<< /Type /Pages /Kids [{kids}] /Count {} >>", pages.len()));
    objects.push("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>".to_owned());
    objects.push(info.to_owned());
    for (page, content) in pages.iter().enumerate() {
        objects.push(format!(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {} 0 R \
             /Resources << /Font << /F1 3 0 R >> /XObject << /X {} 0 R /Next {} 0 R >> >> >>",
            6 + 2 * page,
            6 + 2 * page,
            8 + 2 * page,
        ));
        // Each page's content is also a form that may draw itself, and the next page's.
        objects.push(format!(
            "<< /Length {} /Type /XObject /Subtype /Form /BBox [0 0 612 792] /Resources << /Font << /F1 3 0 R >> \
             /XObject << /X {} 0 R /Next {} 0 R >> >> >>\nstream\n{content}\nendstream",
            content.len(),
            6 + 2 * page,
            8 + 2 * page,
        ));
    }
    let mut text = "%PDF-1.4\n".to_owned();
    let mut places = String::new();
    for (at, object) in objects.iter().enumerate() {
        let _ = writeln!(places, "{:010} 00000 n ", text.len());
        let _ = write!(text, "{} 0 obj\n{object}\nendobj\n", at + 1);
    }
    let (start, count) = (text.len(), objects.len() + 1);
    let _ = write!(
        text,
        "xref\n0 {count}\n0000000000 65535 f \n{places}trailer\n<< /Size {count} /Root 1 0 R /Info 4 0 R >>\n\
         startxref\n{start}\n%%EOF\n"
    );
    text.into_bytes()
}

const TWO_PAGES: [&str; 2] = [
    "BT /F1 24 Tf 72 720 Td (A heading) Tj /F1 12 Tf 0 -40 Td (The first line of a para-) Tj 0 -14 Td \
     (graph, with words) Tj 0 -14 Td [(sp) -20 (aced) -400 (apart.)] TJ 0 -40 Td (Another.) Tj ET",
    "BT /F1 12 Tf 1 0 0 1 72 700 Tm (Second) Tj 1 0 0 1 130 700 Tm (page) Tj ET",
];

#[test]
fn pdfs_have_pages_lines_and_words() {
    let (found, error) = passages("a.pdf", pdf(&TWO_PAGES, "<< /Title (The title \\205 2) >>"), &reading(1000));
    assert_eq!(error, None);
    let told: Vec<_> = found.iter().map(|entry| (entry.page, &*entry.answer)).collect();
    let first = "A heading\n\nThe first line of a paragraph, with words spaced apart.\n\nAnother.";
    assert_eq!(told, [(Some(1), first), (Some(2), "Second page")]);
    assert_eq!(found[0].title.as_deref(), Some("The title – 2"));
}

#[test]
fn pdfs_that_give_nothing_say_why() {
    let scanned = pdf(&["0 0 m 100 100 l S"], "<< >>");
    assert_eq!(refused("a.pdf", scanned), "the document has no text (scanned pictures?)");
    let locked = include_bytes!("fixtures/locked.pdf");
    assert_eq!(refused("a.pdf", locked), "the PDF is locked: a password is needed");
    for broken in [&b""[..], b"%PDF-1.7", b"no PDF at all", &[0xff; 1000]] {
        assert_eq!(refused("a.pdf", broken), "the PDF is damaged or truncated");
    }
    assert_eq!(refused("a.pdf", vec![b' '; (64 << 20) + 1]), "the file is 67108865 bytes; the limit is 67108864");
}

#[test]
fn broken_pdfs_give_what_is_left() {
    let whole = pdf(&TWO_PAGES, "<< >>");
    for end in (0..whole.len()).step_by(41) {
        let _ = passages("a.pdf", &whole[..end], &reading(1000));
        let mut changed = whole.clone();
        changed[end] ^= 0x15;
        let _ = passages("a.pdf", changed, &reading(1000));
    }
    // A form that draws itself ends some time.
    let (found, error) =
        passages("a.pdf", pdf(&["BT /F1 12 Tf 72 700 Td (Again) Tj ET /X Do"], "<< >>"), &reading(1000));
    assert_eq!(error, None);
    assert!(found[0].answer.contains("Again"));
}

/// A page can ask for any amount of work in a few bytes.
#[test]
fn a_page_that_draws_without_end_is_left_out() {
    let next = "/Next Do ".repeat(101);
    let pages = [&*next, &next, &next, "BT /F1 12 Tf 72 700 Td (Again) Tj ET"];
    let (found, error) = passages("a.pdf", pdf(&pages, "<< >>"), &reading(1_000_000));
    assert_eq!(error, None);
    let words = |page| -> usize {
        found.iter().filter(|entry| entry.page == Some(page)).map(|entry| entry.answer.split(' ').count()).sum()
    };
    assert_eq!([1, 2, 3, 4].map(words), [0, 101 * 101, 101, 1]);
}

fn docx(document: &str, others: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let body = format!("<w:document xmlns:w=\"w\"><w:body>{document}</w:body></w:document>");
    for (name, text) in others.iter().copied().chain([("word/document.xml", &*body)]) {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn paragraph(style: &str, text: &str) -> String {
    format!(
        "<w:p><w:pPr><w:pStyle w:val=\"{style}\"/><w:tabs><w:tab w:val=\"left\"/></w:tabs></w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>"
    )
}

const STYLES: &str = "<w:styles xmlns:w=\"w\"><w:style w:styleId=\"berschrift1\"><w:name w:val=\"heading 1\"/></w:style>\
    <w:style w:styleId=\"Own\"><w:name w:val=\"Own\"/><w:pPr><w:outlineLvl w:val=\"1\"/></w:pPr></w:style></w:styles>";

#[test]
fn docx_has_headings_lists_and_tables() {
    let cell = |text: &str| format!("<w:tc><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:tc>");
    let row = |a: &str, b: &str| format!("<w:tr>{}{}</w:tr>", cell(a), cell(b));
    let item = |text: &str| format!("<w:p><w:pPr><w:numPr/></w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>");
    let text = [
        paragraph("Normal", "Before &amp; above"),
        paragraph("berschrift1", "Eins"),
        paragraph(
            "Normal",
            "An <w:x/>answer</w:t></w:r><w:del><w:r><w:delText>gone</w:delText></w:r></w:del><w:r><w:t xml:space=\"preserve\"> here &#x2014; done",
        ),
        item("a1"),
        item("b2"),
        paragraph("Own", "Two"),
        format!("<w:tbl>{}{}</w:tbl>", row("k", "v"), row("x", "1")),
    ];
    let core = "<cp:coreProperties><dc:title>Of the file</dc:title></cp:coreProperties>";
    let bytes = docx(&text.concat(), &[("word/styles.xml", STYLES), ("docProps/core.xml", core)]);
    let (found, _) = passages("a.docx", &*bytes, &reading(1000));
    assert_eq!(found[0].title.as_deref(), Some("Of the file"));
    assert_eq!(
        told("a.docx", bytes, 1000),
        [
            " | Before & above",
            "Eins | An answer here — done\n\n- a1\n- b2",
            "Eins > Two | | k | v |\n| --- | --- |\n| x | 1 |",
        ]
    );
}

#[test]
fn broken_docx_is_told_from_locked_and_large() {
    let whole = docx(&paragraph("Normal", "text"), &[]);
    let cut = refused("a.docx", &whole[..whole.len() / 2]);
    assert!(cut.starts_with("the DOCX is damaged or truncated"), "{cut}");
    let locked = [&[0xd0, 0xcf, 0x11, 0xe0][..], &[0; 600]].concat();
    assert_eq!(refused("a.docx", locked), "it is locked by a password, or a document of Word before 2007");
    let other = docx("", &[]).iter().map(|byte| if *byte == b'w' { b'v' } else { *byte }).collect::<Vec<_>>();
    assert!(!refused("a.docx", other).is_empty());
    // A few KB that unpack to a hundred MB.
    let bomb = docx(&"<w:p></w:p>".repeat(10 << 20), &[]);
    assert!(bomb.len() < 1 << 20);
    assert_eq!(refused("a.docx", bomb), "word/document.xml is more than 67108864 bytes when it is unpacked");
    let deep = docx(&"<w:tbl><w:tr><w:tc>".repeat(50_000), &[]);
    assert!(refused("a.docx", deep).contains("damaged"));
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 0x21;
        let _ = passages("a.docx", changed, &reading(1000));
    }
}
