use std::io::Write;

use serde_json::json;

use super::*;

fn all(name: &str, bytes: impl Into<Vec<u8>>) -> Vec<(u64, Result<Record>)> {
    read_from(name, &Content::from(bytes.into()), &Columns::default()).unwrap().collect()
}

fn smiles(record: &Record) -> &str {
    match &record.structure {
        Structure::Smiles(smiles) => smiles,
        Structure::Molfile(molfile) => molfile,
    }
}

/// The lines and reasons of what could not be read, and the SMILES and names of the rest.
fn told(records: &[(u64, Result<Record>)]) -> Vec<String> {
    let line = |(line, record): &(u64, Result<Record>)| match record {
        Ok(record) => format!("{line} {} {}", smiles(record), record.name.as_deref().unwrap_or("-")),
        Err(error) => format!("{line} ! {error}"),
    };
    records.iter().map(line).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

#[test]
fn lines_of_smiles_with_names() {
    let text = "SMILES name\n\nCCO ethanol 96 %\r\n# no molecule\nc1ccccc1\tbenzene\nC |c:1| methane\nCN";
    let expected = ["3 CCO ethanol 96 %", "5 c1ccccc1 benzene", "6 C |c:1| methane", "7 CN -"];
    assert_eq!(told(&all("a.smi", text)), expected);
    assert_eq!(told(&all("a.TXT.gz", gzip(text.as_bytes()))), expected);
    // Packed without being called so, with a mark of its byte order.
    assert_eq!(told(&all("a.smiles", gzip("\u{feff}CC a".as_bytes()))), ["1 CC a"]);
}

#[test]
fn tables_keep_what_else_they_have() {
    let text = "ID,Canonical_SMILES,pref_name,mw,active\n7,CCO,\"ethanol,\nwater-free\",46.07,true\n\n8,CC,,30,007\n";
    let records = all("a.csv", text);
    assert_eq!(told(&records), ["2 CCO ethanol,\nwater-free", "5 CC -"]);
    let record = records[0].1.as_ref().unwrap();
    assert_eq!(record.id.as_deref(), Some("7"));
    assert_eq!(serde_json::Value::Object(record.extra.clone()), json!({"mw": 46.07, "active": "true"}));
    assert_eq!(records[1].1.as_ref().unwrap().extra["active"], "007");
    assert_eq!(told(&all("a.csv", "drug;smiles_desalted;x\na;CC;1\n")), ["2 CC a"]);
    assert_eq!(told(&all("a.tsv", "smiles\tname\nC,C\tx\n")), ["2 C,C x"]);
}

#[test]
fn columns_are_named_or_found_or_listed() {
    let table = "a,b,smiles\nCC,x,CO\n";
    let read = |columns: Columns| read_from("t.csv", &Content::from(table.as_bytes().to_vec()), &columns);
    let told_which = Columns { smiles: Some("A".into()), name: Some("b".into()), id: None };
    assert_eq!(told(&read(told_which).unwrap().collect::<Vec<_>>()), ["2 CC x"]);
    let error = |columns: Columns| read(columns).err().unwrap().to_string();
    let nothing = Columns { id: Some("nr".into()), ..Columns::default() };
    assert_eq!(error(nothing), "there is no column 'nr'; the columns are: a, b, smiles");
    let without = read_from("t.csv", &Content::from("compound, mass\nx,1".as_bytes().to_vec()), &Columns::default())
        .err()
        .unwrap();
    assert_eq!(without.to_string(), "there is no column with SMILES; the columns are: compound, mass");
    assert!(read_from("t.csv", &Content::from("".as_bytes().to_vec()), &Columns::default()).is_err());
    assert!(
        read_from("t.xls", &Content::from("x".as_bytes().to_vec()), &Columns::default())
            .err()
            .unwrap()
            .hint()
            .unwrap()
            .contains("sdf")
    );
}

#[test]
fn objects_a_line() {
    let text = "{\"smiles\": \"CCO\", \"name\": \"ethanol\", \"id\": 5, \"tags\": [1]}\n\n[1]\n{\"x\": 1}\n{\"smiles\": \"\"}\n";
    let records = all("a.jsonl", text);
    let lines = told(&records);
    assert_eq!(lines[0], "1 CCO ethanol");
    assert!(lines[1].starts_with("3 ! the line is not a JSON object"), "{}", lines[1]);
    assert_eq!(lines[2], "4 ! there is no key with SMILES; the columns are: x");
    assert_eq!(lines[3], "5 ! the row has no SMILES");
    let first = records[0].1.as_ref().unwrap();
    assert_eq!((first.id.as_deref(), &first.extra["tags"]), (Some("5"), &json!([1])));
}

#[test]
fn a_bad_row_costs_no_other() {
    let mut bytes = b"smiles,name\nCC,a\nCO,\xe9th\nCN,b,c\nCS,\"open\nCF,d\n".to_vec();
    let lines = told(&all("a.csv", bytes.clone()));
    assert_eq!(lines[0], "2 CC a");
    assert_eq!(lines[1], "3 CO éth");
    assert_eq!(lines[2], "4 ! the row has 3 cells, but the header has 2");
    assert_eq!(lines[3], "5 ! the row has a quote that is never closed");
    assert_eq!(lines[4], "6 CF d");
    bytes.extend(vec![b'C'; 3 << 20]);
    bytes.extend(b"\nCI,e\n");
    let lines = told(&all("a.csv", bytes));
    assert_eq!(lines[5..], ["7 ! the line is longer than 1048576 bytes", "8 CI e"]);
    let utf16: Vec<u8> = "\u{feff}smiles".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(
        read_from("a.csv", &Content::from(utf16), &Columns::default()).err().unwrap().to_string().contains("UTF-16")
    );
}

const ETHANOL: &str = "ethanol\n  made\n\n  3  2  0  0  0  0  0  0  0  0999 V2000\n    0.0000    0.0000    0.0000 C   0  0\n    \
1.3000    0.7500    0.0000 C   0  0\n    2.6000    0.0000    0.0000 O   0  0\n  1  2  1  0\n  2  3  1  0\nM  END\n";

#[test]
fn structures_with_their_data() {
    let text = format!(
        "{ETHANOL}>  <ID>  (1)\n42\n\n> 25 <boiling point>\n78.4\n\n> <note>\none\ntwo\n\n$$$$\n{ETHANOL}$$$$\n\n"
    );
    let records = all("a.sdf", text.clone());
    assert_eq!(records.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [1, 22]);
    let first = records[0].1.as_ref().unwrap();
    assert_eq!((first.name.as_deref(), first.id.as_deref()), (Some("ethanol"), Some("42")));
    assert_eq!(serde_json::Value::Object(first.extra.clone()), json!({"boiling point": 78.4, "note": "one\ntwo"}));
    assert_eq!(first.molecule(&Limits::default()).unwrap().canonical().unwrap(), "CCO");
    assert_eq!(all("ethanol.mol", ETHANOL).len(), 1);
    // Named: goes before the title.
    let columns = Columns { name: Some("note".into()), ..Columns::default() };
    let named: Vec<_> = read_from("a.sdf", &Content::from(text.into_bytes()), &columns).unwrap().collect();
    assert_eq!(named[0].1.as_ref().unwrap().name.as_deref(), Some("one\ntwo"));
}

#[test]
fn a_structure_that_was_cut_off_is_told() {
    let whole = format!("{ETHANOL}$$$$\n{ETHANOL}$$$$\n");
    let cut = all("a.sdf", &whole[..ETHANOL.len() + 100]);
    assert_eq!(cut.len(), 2);
    assert!(cut[0].1.is_ok() && cut[1].1.as_ref().unwrap_err().to_string().contains("M  END"), "{cut:?}");
    let packed = gzip(whole.repeat(500).as_bytes());
    let cut = all("a.sdf.gz", &packed[..packed.len() / 2]);
    assert!(cut.last().unwrap().1.as_ref().unwrap_err().to_string().contains("is truncated"), "{:?}", cut.last());
    let broken = ETHANOL.replace("  2  3  1  0", "  2  9  1  0");
    let records = all("a.sdf", format!("{broken}$$$$\n{ETHANOL}"));
    assert!(records[0].1.as_ref().unwrap().molecule(&Limits::default()).is_err());
    assert!(records[1].1.as_ref().unwrap().molecule(&Limits::default()).is_ok());
    // Bytes that are not UTF-8 are Windows-1252.
    let bytes = format!("{ETHANOL}> <by>\nx\n\n").replace("ethanol", "\u{7f}thanol").into_bytes();
    let bytes: Vec<u8> = bytes.into_iter().map(|byte| if byte == 0x7f { 0xe9 } else { byte }).collect();
    let records = all("a.sdf", bytes);
    assert_eq!(records[0].1.as_ref().unwrap().name.as_deref(), Some("éthanol"));
}

#[test]
fn columns_have_one_type_in_every_format() {
    let cells = ["1.25", "1.50", "2.00", "0.10", "1e-3"];
    let extras = |name: &str, text: String| -> Vec<serde_json::Value> {
        let extra = |(_, record): (u64, Result<Record>)| record.unwrap().extra.get("x").cloned().unwrap_or_default();
        all(name, text).into_iter().map(extra).collect()
    };
    let table = |cells: &[&str], delimiter: &str| {
        let rows = cells.iter().map(|cell| format!("CCO{delimiter}{cell}\n"));
        format!("smiles{delimiter}x\n{}", rows.collect::<String>())
    };
    let sdf = |cells: &[&str]| cells.iter().map(|cell| format!("{ETHANOL}> <x>\n{cell}\n\n$$$$\n")).collect::<String>();
    for (cells, expected) in [
        (cells.to_vec(), json!([1.25, 1.5, 2.0, 0.1, 0.001])),
        (vec!["1.50", "007"], json!(["1.50", "007"])),
        (vec!["1.50", "", "n/a"], json!(["1.50", null, "n/a"])),
        (vec!["1", "", "2.0"], json!([1, null, 2.0])),
    ] {
        for delimiter in [",", ";", "\t", "|"] {
            assert_eq!(json!(extras("a.csv", table(&cells, delimiter))), expected);
        }
        assert_eq!(json!(extras("a.tsv", table(&cells, "\t"))), expected);
        assert_eq!(json!(extras("a.sdf", sdf(&cells))), expected);
        let packed = gzip(table(&cells, ",").as_bytes());
        let records = all("a.csv.gz", packed);
        assert_eq!(records[0].1.as_ref().unwrap().extra["x"], expected[0]);
    }
}

#[test]
fn null_is_no_value_and_a_list_is_no_name() {
    let text = "{\"smiles\":\"CCO\",\"name\":null,\"id\":null,\"x\":null}\n{\"smiles\":null,\"name\":\"x\"}\n\
        {\"smiles\":\"CCN\",\"name\":\"\",\"id\":\" \"}\n{\"smiles\":\"CCN\",\"name\":[1, \"a\"],\"id\":7}\n";
    let records = all("a.jsonl", text);
    let read = |at: usize| records[at].1.as_ref().unwrap();
    for at in [0, 2] {
        assert_eq!((&read(at).name, &read(at).id, read(at).extra.len()), (&None, &None, 0));
    }
    assert_eq!(records[1].1.as_ref().unwrap_err().to_string(), "the row has no SMILES");
    assert_eq!((&read(3).name, read(3).id.as_deref()), (&None, Some("7")));
    assert_eq!(read(3).extra["name"], json!([1, "a"]));
}

#[test]
fn the_delimiter_is_the_one_that_gives_the_smiles() {
    for text in [
        "SMILES,Name (IUPAC; common; trade)\nCCO,ethanol\n",
        "my smiles,Name (IUPAC; common; trade)\nCCO,ethanol\n",
        "\"name;of;it\",\"SMILES\"\nethanol,CCO\n",
        "Name (IUPAC, common, trade);SMILES\nethanol;CCO\n",
        "Name (a, b, c)|smiles\nethanol|CCO\n",
    ] {
        let records = all("a.csv", text);
        assert_eq!(smiles(records[0].1.as_ref().unwrap()), "CCO", "{text}");
    }
}
