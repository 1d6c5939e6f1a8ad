//! Reads a filter by precedence climbing. Values and conditions go through one grammar, because `(` may open either;
//! what does not fit is refused where it stands.

use super::ast::{Arith, At, Cmp, Expr, Literal, Members, Operand, Place, Step};
use super::fault::Fault;
use super::fold;
use super::lex::{Spot, Token, tokens};
use super::node::{Node, bare, calculate, comparison, condition};

/// The longest text of a filter, in bytes.
pub(super) const MAX_TEXT: usize = 1 << 20;
/// The deepest nesting of parentheses and signs. Servers run out of stack not far above it.
const MAX_DEPTH: usize = 64;

type Parsed<T> = Result<T, Fault>;

/// Parses a whole text.
pub(super) fn parse(text: &str) -> Parsed<Expr> {
    if text.len() > MAX_TEXT {
        let message = format!("the filter is {} bytes; the limit is {MAX_TEXT}", text.len());
        return Err(Fault::at(At(None), message));
    }
    let spots = tokens(text)?;
    if spots.is_empty() {
        return Err(Fault::new(0, "the filter is empty").hint("leave the filter out to get every record"));
    }
    let mut parser = Parser { text, spots: &spots, next: 0, depth: 0 };
    let start = parser.here();
    let parsed = parser.or()?;
    if parser.peek().is_some() {
        return Err(parser.unexpected("'and', 'or' or the end"));
    }
    condition(parsed, start)
}

struct Parser<'a> {
    text: &'a str,
    spots: &'a [Spot<'a>],
    next: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&'a Token<'a>> {
        self.spots.get(self.next).map(|spot| &spot.token)
    }

    /// Where the next token starts; after the last one, where it ended.
    fn here(&self) -> usize {
        match self.spots.get(self.next) {
            Some(spot) => spot.start,
            None => self.text.len(),
        }
    }

    fn take(&mut self, token: &Token<'_>) -> bool {
        let found = self.peek() == Some(token);
        self.next += usize::from(found);
        found
    }

    fn sign(&mut self, sign: &'static str) -> bool {
        self.take(&Token::Sign(sign))
    }

    fn expect(&mut self, sign: &'static str, expected: &str) -> Parsed<()> {
        if self.sign(sign) { Ok(()) } else { Err(self.unexpected(expected)) }
    }

    fn unexpected(&self, expected: &str) -> Fault {
        let Some(spot) = self.spots.get(self.next) else {
            return Fault::new(self.here(), format!("unexpected end, expected {expected}"));
        };
        let shown: String = self.text[spot.start..spot.end].chars().take(40).collect();
        let fault = Fault::new(spot.start, format!("unexpected {shown}, expected {expected}"));
        let after_word = self.next > 0 && matches!(self.spots[self.next - 1].token, Token::Word(_));
        match &spot.token {
            Token::Null => fault.hint("write `is null` or `is not null`"),
            Token::Sign("(") if self.next > 0 && self.spots[self.next - 1].token == Token::In => {
                fault.hint("write a list in brackets: [1, 2]")
            }
            Token::Word(_) if after_word => fault.hint("put text in quotes"),
            _ => fault,
        }
    }

    fn deeper<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth == MAX_DEPTH {
            return Err(Fault::new(self.here(), format!("nested deeper than {MAX_DEPTH} levels")));
        }
        self.depth += 1;
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    fn or(&mut self) -> Parsed<Node> {
        self.chain(&Token::Or, Self::and, Expr::Or)
    }

    fn and(&mut self) -> Parsed<Node> {
        self.chain(&Token::And, Self::not, Expr::And)
    }

    fn chain(
        &mut self,
        word: &Token<'_>,
        part: impl Fn(&mut Self) -> Parsed<Node>,
        join: impl FnOnce(Vec<Expr>) -> Expr,
    ) -> Parsed<Node> {
        let start = self.here();
        let first = part(self)?;
        if self.peek() != Some(word) {
            return Ok(first);
        }
        let mut parts = vec![condition(first, start)?];
        while self.take(word) {
            let start = self.here();
            parts.push(condition(part(self)?, start)?);
        }
        Ok(Node::Condition(join(parts)))
    }

    fn not(&mut self) -> Parsed<Node> {
        if !self.take(&Token::Not) {
            return self.comparison();
        }
        let start = self.here();
        let inner = self.deeper(Self::not)?;
        Ok(Node::Condition(Expr::Not(Box::new(condition(inner, start)?))))
    }

    fn comparison(&mut self) -> Parsed<Node> {
        let start = self.here();
        let left = self.sum()?;
        if let Some(op) = self.compare_sign() {
            return self.compare(left, op, start);
        }
        let negated = matches!(self.peek(), Some(Token::Not)) && self.takes_not_after();
        self.next += usize::from(negated);
        let found = match self.peek() {
            Some(Token::In) => match left {
                // As in Python: a list in a json field has this member.
                Node::Constant(literal, at) if self.names_a_field_next() => {
                    self.next += 1;
                    let place = self.place("a json field")?;
                    Expr::Contains { place, members: Members::One, values: vec![(literal, at)] }
                }
                left => {
                    let place = bare(left, start, "in")?;
                    self.next += 1;
                    Expr::In { place, values: self.list()? }
                }
            },
            Some(Token::Like) => {
                let place = bare(left, start, "like")?;
                self.next += 1;
                Expr::Like { place, pattern: self.pattern()? }
            }
            Some(Token::Is) => return self.is_null(left, start),
            _ => return Ok(left),
        };
        Ok(Node::Condition(if negated { Expr::Not(Box::new(found)) } else { found }))
    }

    /// Whether a field comes after the word at hand.
    fn names_a_field_next(&self) -> bool {
        matches!(self.spots.get(self.next + 1).map(|spot| &spot.token), Some(Token::Word(_)))
    }

    /// Whether the `not` at hand belongs to `not in` or `not like`.
    fn takes_not_after(&self) -> bool {
        matches!(self.spots.get(self.next + 1).map(|spot| &spot.token), Some(Token::In | Token::Like))
    }

    fn compare_sign(&mut self) -> Option<Cmp> {
        let op = match self.peek()? {
            Token::Sign("==") => Cmp::Eq,
            Token::Sign("!=") => Cmp::Ne,
            Token::Sign("<") => Cmp::Lt,
            Token::Sign("<=") => Cmp::Le,
            Token::Sign(">") => Cmp::Gt,
            Token::Sign(">=") => Cmp::Ge,
            _ => return None,
        };
        self.next += 1;
        Some(op)
    }

    /// `x < 3`, `3 > x`, and the range `1 < x <= 3`.
    fn compare(&mut self, left: Node, op: Cmp, start: usize) -> Parsed<Node> {
        let middle = self.sum()?;
        let second = self.here();
        let Some(op2) = self.compare_sign() else {
            return Ok(Node::Condition(comparison(left, op, middle, start)?));
        };
        let up = |op| matches!(op, Cmp::Lt | Cmp::Le);
        let down = |op| matches!(op, Cmp::Gt | Cmp::Ge);
        if !(up(op) && up(op2) || down(op) && down(op2)) {
            return Err(Fault::new(second, format!("'{}' and '{}' do not form a range", op.sign(), op2.sign()))
                .hint("write a range as 1 < x <= 3, or join two comparisons with and"));
        }
        let Node::Operand(operand) = middle else {
            return Err(Fault::new(second, "the middle of a range must be a field"));
        };
        let right = self.sum()?;
        if self.compare_sign().is_some() {
            return Err(Fault::new(second, "a range has two comparisons").hint("join comparisons with and"));
        }
        let low = comparison(left, op, Node::Operand(operand.clone()), start)?;
        let high = comparison(Node::Operand(operand), op2, right, start)?;
        Ok(Node::Condition(Expr::And(vec![low, high])))
    }

    fn is_null(&mut self, left: Node, start: usize) -> Parsed<Node> {
        let place = bare(left, start, "is null")?;
        self.next += 1;
        let negated = self.take(&Token::Not);
        if !self.take(&Token::Null) {
            let fault = self.unexpected(if negated { "null" } else { "null or not null" });
            return Err(fault.hint("write == to compare"));
        }
        let found = Expr::IsNull(place);
        Ok(Node::Condition(if negated { Expr::Not(Box::new(found)) } else { found }))
    }

    fn pattern(&mut self) -> Parsed<String> {
        match self.peek() {
            Some(Token::Text(pattern)) => {
                self.next += 1;
                Ok(pattern.clone())
            }
            _ => Err(self.unexpected("a pattern in quotes")),
        }
    }

    /// Constants between brackets; a comma may follow the last.
    fn list(&mut self) -> Parsed<Vec<(Literal, At)>> {
        self.expect("[", "a list, as in [1, 2]")?;
        let mut values = Vec::new();
        while !self.sign("]") {
            values.push(self.constant()?);
            if !self.sign(",") {
                self.expect("]", "',' or ']'")?;
                break;
            }
        }
        Ok(values)
    }

    fn constant(&mut self) -> Parsed<(Literal, At)> {
        let start = self.here();
        match self.sum()? {
            Node::Constant(literal, at) => Ok((literal, at)),
            Node::Operand(operand) => {
                Err(Fault::new(start, format!("expected a constant, not field '{}'", operand.place.field))
                    .hint(format!("put text in quotes: \"{}\"", operand.place.field)))
            }
            Node::Condition(_) => Err(Fault::new(start, "expected a constant, not a condition")),
        }
    }

    fn sum(&mut self) -> Parsed<Node> {
        self.arithmetic(&[("+", Arith::Add), ("-", Arith::Sub)], Self::product)
    }

    fn product(&mut self) -> Parsed<Node> {
        self.arithmetic(&[("*", Arith::Mul), ("/", Arith::Div), ("%", Arith::Mod)], Self::unary)
    }

    fn arithmetic(
        &mut self,
        signs: &[(&'static str, Arith)],
        part: impl Fn(&mut Self) -> Parsed<Node>,
    ) -> Parsed<Node> {
        let mut left = part(self)?;
        loop {
            let at = self.here();
            let Some((_, arith)) = signs.iter().find(|(sign, _)| self.peek() == Some(&Token::Sign(sign))) else {
                return Ok(left);
            };
            self.next += 1;
            let right = part(self)?;
            left = calculate(left, *arith, right, at)?;
        }
    }

    fn unary(&mut self) -> Parsed<Node> {
        let at = self.here();
        if self.sign("+") {
            let inner = self.deeper(Self::unary)?;
            return match inner {
                Node::Constant(Literal::Int(_) | Literal::Float(_), _) | Node::Operand(_) => Ok(inner),
                _ => Err(Fault::new(at, "only numbers have a sign")),
            };
        }
        if !self.sign("-") {
            return self.power();
        }
        if let Some(Token::Int(magnitude)) = self.peek()
            && *magnitude == i64::MIN.unsigned_abs()
        {
            self.next += 1;
            return Ok(Node::Constant(Literal::Int(i64::MIN), At(Some(at))));
        }
        match self.deeper(Self::unary)? {
            Node::Constant(literal, _) => Ok(Node::Constant(fold::negate(literal, at)?, At(Some(at)))),
            Node::Operand(_) => {
                Err(Fault::new(at, "a field cannot be negated").hint("move the sign to the other side"))
            }
            Node::Condition(_) => {
                Err(Fault::new(at, "only numbers have a sign").hint("write not to negate a condition"))
            }
        }
    }

    fn power(&mut self) -> Parsed<Node> {
        let left = self.primary()?;
        let at = self.here();
        if !self.sign("**") {
            return Ok(left);
        }
        match (left, self.deeper(Self::unary)?) {
            (Node::Constant(base, start), Node::Constant(exponent, _)) => {
                Ok(Node::Constant(fold::power(&base, &exponent, at)?, start))
            }
            _ => Err(Fault::new(at, "** works on constants only")),
        }
    }

    fn primary(&mut self) -> Parsed<Node> {
        let start = self.here();
        let at = At(Some(start));
        let literal = match self.peek() {
            Some(Token::Int(value)) => match i64::try_from(*value) {
                Ok(value) => Literal::Int(value),
                Err(_) => return Err(Fault::new(start, format!("{value} does not fit in a 64-bit integer"))),
            },
            Some(Token::Float(value)) => Literal::Float(*value),
            Some(Token::Bool(value)) => Literal::Bool(*value),
            Some(Token::Text(text)) => Literal::String(text.clone()),
            Some(Token::Word(name)) => return self.name(name),
            Some(Token::Exists) => {
                self.next += 1;
                return Ok(Node::Condition(Expr::Exists(self.place("a place in a json field")?)));
            }
            Some(Token::Sign("(")) => {
                self.next += 1;
                let inner = self.deeper(Self::or)?;
                self.expect(")", "')'")?;
                return Ok(inner);
            }
            Some(Token::Sign("[")) => {
                return Err(self.unexpected("a value").hint("use a list after in, or in json_contains_any"));
            }
            _ => return Err(self.unexpected("a value")),
        };
        self.next += 1;
        Ok(Node::Constant(literal, at))
    }

    /// A field with its path, or a function.
    fn name(&mut self, name: &str) -> Parsed<Node> {
        let called = self.spots.get(self.next + 1).is_some_and(|spot| spot.token == Token::Sign("("));
        if !called {
            let place = self.place("a field")?;
            return Ok(Node::Operand(Operand { place, arith: None }));
        }
        let members = match name.to_ascii_lowercase().as_str() {
            "json_contains" => Members::One,
            "json_contains_all" => Members::All,
            "json_contains_any" => Members::Any,
            lower => {
                let fault = Fault::new(self.here(), format!("there is no function '{name}'"));
                return Err(match lower {
                    "array_contains" | "array_contains_all" | "array_contains_any" | "array_length" => {
                        fault.hint("there are no array fields; keep arrays in a json field and use json_contains")
                    }
                    _ => fault.hint("functions are json_contains, json_contains_all and json_contains_any"),
                });
            }
        };
        self.next += 2;
        let place = self.place("a json field")?;
        self.expect(",", "',' and what it contains")?;
        let values = self.members(members)?;
        self.expect(")", "')'")?;
        Ok(Node::Condition(Expr::Contains { place, members, values }))
    }

    fn members(&mut self, members: Members) -> Parsed<Vec<(Literal, At)>> {
        let start = self.here();
        if members == Members::One {
            if self.peek() == Some(&Token::Sign("[")) {
                return Err(Fault::new(start, "json_contains takes one value")
                    .hint("use json_contains_any or json_contains_all for a list"));
            }
            return Ok(vec![self.constant()?]);
        }
        let values = self.list()?;
        if values.is_empty() {
            return Err(Fault::new(start, format!("the list of {} is empty", members.name())));
        }
        Ok(values)
    }

    /// A field's name and the steps into it, perhaps in parentheses.
    fn place(&mut self, expected: &str) -> Parsed<Place> {
        let at = At(Some(self.here()));
        if self.sign("(") {
            let place = self.deeper(|parser| parser.place(expected))?;
            self.expect(")", "')'")?;
            return Ok(place);
        }
        let Some(Token::Word(field)) = self.peek() else { return Err(self.unexpected(expected)) };
        self.next += 1;
        let mut path = Vec::new();
        while self.sign("[") {
            let step = match self.peek() {
                Some(Token::Text(key)) => Some(Step::Key(key.clone())),
                Some(Token::Int(index)) => u32::try_from(*index).ok().map(Step::Index),
                _ => None,
            };
            path.push(step.ok_or_else(|| self.unexpected("a key in quotes, or a position"))?);
            self.next += 1;
            self.expect("]", "']'")?;
        }
        Ok(Place { field: (*field).to_owned(), path, at })
    }
}
