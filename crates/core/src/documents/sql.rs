//! Writes what is asked for as SQL. Only numbers of tables and columns are written into the text; all else is bound.
//!
//! Documents appear as rows of a subselect, with a column for each field that the filters name. SQLite takes the
//! subselect apart again, so that conditions on what the set keeps beside the body use its indexes.

use rusqlite::types::Value;

use super::path::Path;
use super::select::{Condition, Fields, Matching, Order, Select, Source};
use super::set::Set;
use crate::Result;
use crate::schema::ScalarKind;

/// A statement, or a part of one, with its parameters in order.
#[derive(Debug)]
pub(super) struct Statement {
    pub(super) text: String,
    pub(super) params: Vec<Value>,
}

/// Where a page begins: after this document, which has this value where documents are sorted by one.
pub(super) struct After<'a> {
    pub(super) id: &'a str,
    pub(super) value: Value,
}

impl Statement {
    /// The beginning of one, without parameters.
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), params: Vec::new() }
    }

    /// `SELECT columns …`: the columns are those of `d0`, which has `key`, `id`, `owner` in an owned set, `body`, and
    /// `sort` where there is an order by values.
    pub(super) fn select(set: &Set, columns: &str, select: &Select<'_>, after: Option<&After<'_>>) -> Result<Self> {
        let mut statement = Self::new(format!("SELECT {columns} FROM "));
        let order = if let Order::By { paths, .. } = &select.order { Some(paths.as_slice()) } else { None };
        statement.rows(set, &select.matching, order, 0);
        statement.text += " WHERE ";
        statement.matching(set, &select.matching, 0)?;
        if let Some(after) = after {
            statement.after(&select.order, after);
        }
        match &select.order {
            Order::Any => {}
            Order::Id => statement.text += " ORDER BY d0.id",
            Order::By { descending, .. } => {
                let direction = if *descending { "DESC" } else { "ASC" };
                statement.text += &format!(" ORDER BY d0.sort {direction} NULLS LAST, d0.id");
            }
        }
        if select.take.is_some() || select.skip > 0 {
            statement.text += " LIMIT ";
            // Negative means no limit.
            statement.bind(select.take.map_or(-1, number));
            statement.text += " OFFSET ";
            statement.bind(number(select.skip));
        }
        Ok(statement)
    }

    /// `(SELECT …)` with parentheses, as a part of another statement.
    pub(super) fn push(&mut self, part: Self) {
        self.text += &format!("({})", part.text);
        self.params.extend(part.params);
    }

    pub(super) fn bind(&mut self, value: impl Into<Value>) {
        self.text.push('?');
        self.params.push(value.into());
    }

    /// `(SELECT … FROM documents_1 AS b) AS d0`
    fn rows(&mut self, set: &Set, matching: &Matching<'_>, order: Option<&[Path]>, level: usize) {
        self.text += "(SELECT b.key, b.id, b.body";
        if set.owner.is_some() {
            self.text += ", b.owner";
        }
        for at in 0..set.kept.len() {
            self.text += &format!(", b.kept_{at}");
        }
        if let Some(fields) = matching.fields {
            self.fields(set, fields, matching);
        }
        if let Some(paths) = order {
            self.text += ", ";
            self.value(set, paths);
            self.text += " AS sort";
        }
        self.text += &format!(" FROM {} AS b) AS d{level}", set.documents());
    }

    /// A column for each field that a filter names, called as filters call it.
    fn fields(&mut self, set: &Set, fields: &Fields, matching: &Matching<'_>) {
        let named: Vec<_> = matching.filters.iter().flat_map(|filter| filter.fields()).collect();
        for field in fields.fields.iter().filter(|field| named.contains(&field.name.as_str())) {
            self.text += ", ";
            match (&field.source, field.kind) {
                (Source::Owned { set, path, order }, _) => self.owned(set, path, order),
                (Source::Paths(paths), ScalarKind::Json) => self.json(paths),
                (Source::Paths(paths), ScalarKind::Float) => {
                    // Integers in the body, too, are floats of such a field.
                    self.text += "CAST(";
                    self.value(set, paths);
                    self.text += " AS REAL)";
                }
                (Source::Paths(paths), _) => self.value(set, paths),
            }
            // Names are letters, digits and underscores here.
            self.text += &format!(" AS \"f_{}\"", field.name);
        }
    }

    /// A string, number or truth value of the body.
    fn value(&mut self, set: &Set, paths: &[Path]) {
        self.first(paths, |statement, path| match set.kept(path) {
            Some(at) => statement.text += &format!("b.kept_{at}"),
            None => {
                statement.text += "json_extract(b.body, ";
                statement.bind(path.as_str().to_owned());
                statement.text.push(')');
            }
        });
    }

    /// A part of the body as JSON text.
    fn json(&mut self, paths: &[Path]) {
        self.first(paths, |statement, path| {
            statement.text += "nullif(b.body -> ";
            statement.bind(path.as_str().to_owned());
            statement.text += ", 'null')";
        });
    }

    fn first(&mut self, paths: &[Path], mut write: impl FnMut(&mut Self, &Path)) {
        // `coalesce` needs two.
        let several = paths.len() > 1;
        self.text += if several { "coalesce(" } else { "" };
        for (at, path) in paths.iter().enumerate() {
            self.text += if at > 0 { ", " } else { "" };
            write(self, path);
        }
        self.text += match paths.len() {
            0 => "NULL",
            1 => "",
            _ => ")",
        };
    }

    fn owned(&mut self, set: &Set, path: &Path, order: &Path) {
        self.text += "(SELECT nullif(json_group_array(json_extract(o.body, ";
        self.bind(path.as_str().to_owned());
        self.text += ") ORDER BY json_extract(o.body, ";
        self.bind(order.as_str().to_owned());
        self.text += &format!(")), '[]') FROM {} AS o WHERE o.owner = b.key)", set.documents());
    }

    fn matching(&mut self, set: &Set, matching: &Matching<'_>, level: usize) -> Result<()> {
        self.text.push('1');
        for filter in &matching.filters {
            let none = Fields::new(format!("set '{}'", set.name), Vec::new());
            let fields = matching.fields.unwrap_or(&none);
            fields.check(filter)?;
            let sql = filter.to_sql(&fields.spec)?;
            self.text += &format!(" AND ({})", sql.text);
            self.params.extend(sql.params);
        }
        for condition in &matching.conditions {
            self.text += " AND ";
            self.condition(set, condition, level)?;
        }
        Ok(())
    }

    fn condition(&mut self, set: &Set, condition: &Condition<'_>, level: usize) -> Result<()> {
        match condition {
            Condition::Ids(list) => {
                self.text += &format!("d{level}.id IN (SELECT value FROM json_each(");
                self.bind(list.clone());
                self.text += "))";
            }
            Condition::Exists(path) => match set.kept(path) {
                Some(at) => self.text += &format!("d{level}.kept_{at} IS NOT NULL"),
                None => {
                    self.text += &format!("coalesce(json_type(d{level}.body, ");
                    self.bind(path.as_str().to_owned());
                    self.text += "), 'null') <> 'null'";
                }
            },
            Condition::AnyOf(path, strings) => {
                self.text += &format!("EXISTS (SELECT 1 FROM json_each(d{level}.body, ");
                self.bind(path.as_str().to_owned());
                self.text += ") AS member WHERE member.value IN (SELECT wanted.value FROM json_each(";
                self.bind(serde_json::Value::from(strings.as_slice()).to_string());
                self.text += ") AS wanted))";
            }
            Condition::Blob(name) => {
                let blobs = set.blobs();
                self.text += &format!("EXISTS (SELECT 1 FROM {blobs} WHERE document = d{level}.key AND name = ");
                self.bind(name.clone());
                self.text.push(')');
            }
            Condition::Owns(owned, matching) => {
                self.text += &format!("d{level}.key IN (SELECT d{}.owner FROM ", level + 1);
                owned.owners()?;
                self.inner(owned, matching, level + 1)?;
            }
            Condition::Owner(owners, matching) => {
                set.owners()?;
                self.text += &format!("d{level}.owner IN (SELECT d{}.key FROM ", level + 1);
                self.inner(owners, matching, level + 1)?;
            }
            Condition::Not(inner) => {
                self.text += "NOT (";
                self.condition(set, inner, level)?;
                self.text.push(')');
            }
            Condition::Any(conditions) => {
                self.text += "(0";
                for condition in conditions {
                    self.text += " OR ";
                    self.condition(set, condition, level)?;
                }
                self.text.push(')');
            }
        }
        Ok(())
    }

    /// The rest of a condition on documents of another set.
    fn inner(&mut self, set: &Set, matching: &Matching<'_>, level: usize) -> Result<()> {
        self.rows(set, matching, None, level);
        self.text += " WHERE ";
        self.matching(set, matching, level)?;
        self.text.push(')');
        Ok(())
    }

    fn after(&mut self, order: &Order, after: &After<'_>) {
        let id = after.id.to_owned();
        let sign = match order {
            Order::Id | Order::Any => {
                self.text += " AND d0.id > ";
                return self.bind(id);
            }
            Order::By { descending, .. } => {
                if *descending {
                    '<'
                } else {
                    '>'
                }
            }
        };
        if after.value == Value::Null {
            self.text += " AND d0.sort IS NULL AND d0.id > ";
            return self.bind(id);
        }
        self.text += &format!(" AND (d0.sort {sign} ");
        self.bind(after.value.clone());
        self.text += " OR d0.sort IS NULL OR (d0.sort = ";
        self.bind(after.value.clone());
        self.text += " AND d0.id > ";
        self.bind(id);
        self.text += "))";
    }
}

/// As SQLite's integer, of which there are fewer.
fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
