//! Every form of table, as it is written, against what is in it.

use super::*;

fn told() -> Told {
    Told::default()
}

fn layout(name: &str, text: &str, told: &Told) -> Result<Option<Layout>> {
    Layout::of(name, &Content::from(text.as_bytes().to_vec()), told)
}

fn rows(name: &str, text: &str, told: &Told) -> Vec<String> {
    let content = Content::from(text.as_bytes().to_vec());
    let layout = Layout::of(name, &content, told).unwrap().unwrap();
    assert_eq!(layout.kind, Kind::Ratings);
    let shown = |(line, row): (u64, Result<RatingRow>)| match row {
        Ok(RatingRow { user, item, value, time }) => format!("{line} {user} {item} {value} {time:?}"),
        Err(error) => format!("{line} ! {error}"),
    };
    ratings(name, &content, &layout, &Notes::default()).unwrap().map(shown).collect()
}

#[test]
fn ratings_come_in_many_forms() {
    let expected = ["196 242 3 Some(881250949000)", "ü b x 1.5 Some(0)"];
    for (name, text, lines) in [
        ("a.csv", "userId,movieId,rating,timestamp\n196,242,3,881250949\nü b,x,1.5,0\n", [2, 3]),
        ("a.csv", "Time;Value;Item ID;User ID\n881250949;3;242;196\n0;1.5;x;ü b\n", [2, 3]),
        (
            "a.inter",
            "user_id:token\titem_id:token\trating:float\ttimestamp:float\n196\t242\t3\t881250949\nü b\tx\t1.5\t0\n",
            [2, 3],
        ),
        ("u.data", "196\t242\t3\t881250949\nü b\tx\t1.5\t0\n", [1, 2]),
        ("ratings.dat", "196::242::3::881250949\nü b::x::1.5::0\n", [1, 2]),
        ("e.csv", "196,242,3,881250949\nü b,x,1.5,0\n", [1, 2]),
        (
            "a.jsonl",
            "{\"user\":196,\"item\":\"242\",\"value\":3,\"time\":881250949}\n\n{\"user\":\"ü b\",\"item\":\"x\",\"value\":1.5,\"time\":0}\n",
            [1, 3],
        ),
    ] {
        let expected: Vec<String> = lines.iter().zip(expected).map(|(line, row)| format!("{line} {row}")).collect();
        assert_eq!(rows(name, text, &told()), expected, "{name}: {text}");
    }
}

#[test]
fn bad_rows_say_why_and_cost_no_other() {
    let text = "user,item,rating,time\na,1,5,10\n,1,5,10\na,,5,10\na,1,NaN,10\na,1,inf,\na,1,good,\na,1,,\na,1,5,soon\na,1,5\nb,2,-3,\n";
    let found = rows("a.csv", text, &told());
    let expected = [
        "2 a 1 5 Some(10000)",
        "3 ! the row has no user",
        "4 ! the row has no item",
        "5 ! the value 'NaN' is not a finite number",
        "6 ! the value 'inf' is not a finite number",
        "7 ! the value 'good' is not a finite number",
        "8 ! the row has no value",
        "9 ! the time 'soon' is none",
        "10 ! the row has 3 cells, but the header has 4",
        "11 b 2 -3 None",
    ];
    assert_eq!(found, expected);
}

#[test]
fn columns_are_found_or_named() {
    let text = "who,what,how,when\na,1,5,10\n";
    let error = layout("a.csv", text, &told()).unwrap_err();
    assert_eq!(error.to_string(), "there is no column of users or items; the columns are: who, what, how, when");
    let named = Told { user: Some("WHO".into()), item: Some("what".into()), value: Some("how".into()), ..told() };
    assert_eq!(rows("a.csv", text, &named), ["2 a 1 5 None"]);
    let error = layout("a.csv", text, &Told { time: Some("then".into()), ..named }).unwrap_err();
    assert_eq!(error.to_string(), "there is no column 'then'; the columns are: who, what, how, when");
    let error = layout("a.csv", "movieId,rating,timestamp\n1,5,10\n", &told()).unwrap_err();
    assert_eq!(error.to_string(), "there is no column of users; the columns are: movieId, rating, timestamp");
    assert_eq!(error.hint(), Some("name it with --user-column"));
    assert_eq!(
        layout("tags.csv", "userId,movieId,tag,timestamp\n1,2,fun,3\n", &told()).unwrap(),
        None,
        "it rates nothing"
    );
    assert!(layout("a.csv", "", &told()).unwrap_err().to_string().contains("empty"));
    let kind = |name: &str, text: &str| layout(name, text, &told()).unwrap().unwrap().kind;
    assert_eq!(kind("movies.csv", "movieId,title,genres\n1,x,y\n"), Kind::Items);
    assert_eq!(kind("people.csv", "user_id,age\n1,20\n"), Kind::Users);
    assert_eq!(kind("plays.csv", "user,artist\na,b\n"), Kind::Ratings);
}

#[test]
fn facts_have_titles_years_and_genres() {
    let of = |name: &str, text: &str| {
        let content = Content::from(text.as_bytes().to_vec());
        let layout = Layout::of(name, &content, &told()).unwrap().unwrap();
        let facts = facts(name, &content, &layout, &Notes::default()).unwrap();
        assert!(facts.bad.is_empty(), "{:?}", facts.bad);
        serde_json::to_value(&facts.of).unwrap()
    };
    let toy = serde_json::json!({"title": "Toy Story", "year": 1995, "genres": ["Animation", "Comedy"]});
    for (name, text) in [
        ("movies.csv", "movieId,title,genres\n1,Toy Story (1995),Animation|Comedy\n"),
        ("movies.dat", "1::Toy Story (1995)::Animation|Comedy\n"),
        (
            "a.item",
            "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n1\tToy Story\t1995\tAnimation Comedy\n",
        ),
        ("m.jsonl", "{\"id\": 1, \"title\": \"Toy Story\", \"year\": 1995, \"genres\": [\"Animation\", \"Comedy\"]}\n"),
    ] {
        assert_eq!(of(name, text)["1"], toy, "{name}");
    }
    let line = "1|Toy Story (1995)|01-Jan-1995||http://x|0|0|0|1|0|1|0|0|0|0|0|0|0|0|0|0|0|0|0\n";
    let item = &of("u.item", line)["1"];
    assert_eq!((&item["title"], &item["year"], &item["genres"]), (&toy["title"], &toy["year"], &toy["genres"]));
    let people = of("p.csv", "user,age,zip\na,20,01234\nb,30,x\n");
    assert_eq!(people["a"], serde_json::json!({"facts": {"age": 20, "zip": "01234"}}));
}

#[test]
fn what_is_said_later_is_added() {
    let mut known = serde_json::from_str("{\"title\": \"a\", \"facts\": {\"x\": 1, \"y\": 2}}").unwrap();
    facts::join(&mut known, serde_json::from_str("{\"year\": 3, \"facts\": {\"y\": 4}}").unwrap());
    assert_eq!(
        serde_json::Value::Object(known),
        serde_json::json!({"title": "a", "year": 3, "facts": {"x": 1, "y": 4}})
    );
}
