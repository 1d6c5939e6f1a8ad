//! The lexer: cuts a filter's text into tokens.

use winnow::Parser;
use winnow::ascii::{digit1, multispace0};
use winnow::combinator::{alt, opt};
use winnow::stream::{LocatingSlice, Location, Stream};
use winnow::token::{any, one_of, take_while};

use super::fault::Fault;

/// A piece of a filter.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token<'a> {
    /// A field's or function's name.
    Word(&'a str),
    /// An integer without its sign, so that the smallest one can be read.
    Int(u64),
    Float(f64),
    Text(String),
    Bool(bool),
    /// Any of `== != < <= > >= + - * / % ** ( ) [ ] ,`.
    Sign(&'static str),
    And,
    Or,
    Not,
    In,
    Like,
    Is,
    Null,
    Exists,
}

/// A token, and where it starts and ends in the text.
#[derive(Clone, Debug)]
pub(super) struct Spot<'a> {
    pub(super) token: Token<'a>,
    pub(super) start: usize,
    pub(super) end: usize,
}

type Input<'a> = LocatingSlice<&'a str>;
type Lexed<T> = Result<T, Fault>;

/// Words that cannot name a field, in lower case; they mean the same in any case.
const WORDS: [(&str, Token<'static>); 8] = [
    ("and", Token::And),
    ("or", Token::Or),
    ("not", Token::Not),
    ("in", Token::In),
    ("like", Token::Like),
    ("is", Token::Is),
    ("null", Token::Null),
    ("exists", Token::Exists),
];

/// Longest first, so that `<=` is not read as `<`.
const SIGNS: [&str; 17] = ["**", "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "%", "(", ")", "[", "]", ","];

/// Whether a filter can name a field of that name.
pub(super) fn is_reserved(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    WORDS.iter().any(|(word, _)| *word == lower) || matches!(lower.as_str(), "true" | "false")
}

/// All tokens of a text.
pub(super) fn tokens(text: &str) -> Lexed<Vec<Spot<'_>>> {
    let mut input = LocatingSlice::new(text);
    let mut spots = Vec::new();
    loop {
        blank(&mut input)?;
        let start = input.current_token_start();
        let Some(first) = input.peek_token() else { return Ok(spots) };
        let token = match first {
            'a'..='z' | 'A'..='Z' | '_' => word(&mut input)?,
            '0'..='9' | '.' => number(&mut input)?,
            '"' | '\'' => Token::Text(string(&mut input, first)?),
            _ => sign(&mut input, first)?,
        };
        spots.push(Spot { token, start, end: input.current_token_start() });
    }
}

fn blank(input: &mut Input<'_>) -> Lexed<()> {
    multispace0.void().parse_next(input)
}

fn word<'a>(input: &mut Input<'a>) -> Lexed<Token<'a>> {
    let start = input.current_token_start();
    let word: &str = take_while(1.., |c: char| c.is_ascii_alphanumeric() || c == '_').parse_next(input)?;
    match word {
        "true" | "True" | "TRUE" => return Ok(Token::Bool(true)),
        "false" | "False" | "FALSE" => return Ok(Token::Bool(false)),
        _ => {}
    }
    let lower = word.to_ascii_lowercase();
    if lower == "true" || lower == "false" {
        return Err(Fault::new(start, format!("unexpected '{word}'")).hint(format!("write {lower}")));
    }
    let reserved = WORDS.iter().find(|(reserved, _)| *reserved == lower);
    Ok(reserved.map_or(Token::Word(word), |(_, token)| token.clone()))
}

fn sign<'a>(input: &mut Input<'a>, first: char) -> Lexed<Token<'a>> {
    let start = input.current_token_start();
    let rest: &str = input.as_ref();
    let two = [("&&", Token::And), ("||", Token::Or)];
    if let Some((sign, token)) = two.into_iter().find(|(sign, _)| rest.starts_with(sign)) {
        input.next_slice(sign.len());
        return Ok(token);
    }
    if rest.starts_with("<>") {
        return Err(Fault::new(start, "unexpected '<>'").hint("write != for unequal"));
    }
    if let Some(sign) = SIGNS.into_iter().find(|sign| rest.starts_with(sign)) {
        input.next_slice(sign.len());
        return Ok(Token::Sign(sign));
    }
    if first == '!' {
        input.next_slice(1);
        return Ok(Token::Not);
    }
    let fault = Fault::new(start, format!("unexpected '{}'", first.escape_debug()));
    Err(match first {
        '=' => fault.hint("write == to compare"),
        '&' => fault.hint("write && or and"),
        '|' => fault.hint("write || or or"),
        '`' | '‘' | '’' | '“' | '”' => fault.hint("put text in straight quotes: \"…\" or '…'"),
        c if c.is_alphabetic() => fault.hint("put text in quotes; names have only letters a to z, digits and _"),
        _ => fault,
    })
}

/// Decimal, hexadecimal (`0x`) and binary (`0b`) integers, and decimal floats.
fn number<'a>(input: &mut Input<'a>) -> Lexed<Token<'a>> {
    let start = input.current_token_start();
    let rest: &str = input.as_ref();
    let radix = match rest.as_bytes() {
        [b'0', b'x' | b'X', ..] => Some(16),
        [b'0', b'b' | b'B', ..] => Some(2),
        _ => None,
    };
    let token = match radix {
        Some(radix) => {
            let digits: &str = take_while(2.., |c: char| c.is_ascii_alphanumeric()).parse_next(input)?;
            u64::from_str_radix(&digits[2..], radix).ok().map(Token::Int)
        }
        None => decimal(input)?,
    };
    let Some(token) = token else {
        let shown: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '.').take(40).collect();
        return Err(Fault::new(start, format!("'{shown}' is not a number that fits in 64 bits")));
    };
    match input.peek_token() {
        Some(c) if c.is_ascii_alphanumeric() || c == '_' || c == '.' => {
            let at = input.current_token_start();
            Err(Fault::new(at, format!("unexpected '{c}' in a number")).hint("put text in quotes"))
        }
        _ => Ok(token),
    }
}

fn decimal<'a>(input: &mut Input<'a>) -> Lexed<Option<Token<'a>>> {
    let start = input.current_token_start();
    let exponent = || (one_of(['e', 'E']), opt(one_of(['+', '-'])), digit1::<_, Fault>).void();
    let fraction = alt(((digit1, '.', opt(digit1)).void(), ('.', digit1).void()));
    let float = alt(((fraction, opt(exponent())).void(), (digit1, exponent()).void())).take();
    if let Some(digits) = opt(float).parse_next(input)? {
        return Ok(digits.parse().ok().filter(|value: &f64| value.is_finite()).map(Token::Float));
    }
    let digits: &str = digit1.parse_next(input)?;
    if digits.len() > 1 && digits.starts_with('0') {
        // C, and so Milvus, reads 010 as 8; people and Milvus Lite read it as 10.
        return Err(Fault::new(start, "a number cannot start with 0").hint("remove the leading zero"));
    }
    Ok(digits.parse().ok().map(Token::Int))
}

/// A string between quotes, with C's escapes.
fn string(input: &mut Input<'_>, quote: char) -> Lexed<String> {
    let start = input.current_token_start();
    let open = || Fault::new(start, "the string has no end");
    let mut text = String::new();
    input.next_token();
    loop {
        let plain: &str = take_while(0.., |c| c != quote && !matches!(c, '\\' | '\r' | '\n')).parse_next(input)?;
        text.push_str(plain);
        match input.next_token() {
            Some(c) if c == quote => return Ok(text),
            Some('\\') => escape(input, &mut text).map_err(|fault| fault.unwrap_or_else(open))?,
            Some(_) => return Err(open().hint("write a line break in a string as \\n")),
            None => return Err(open().hint(format!("close it with {quote}"))),
        }
    }
}

/// One escape, after its backslash; `None` when the text ends here.
fn escape(input: &mut Input<'_>, text: &mut String) -> Result<(), Option<Fault>> {
    let at = input.current_token_start() - 1;
    let letter = any::<_, Fault>.parse_next(input).map_err(|_| None)?;
    let plain = match letter {
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\u{b}',
        '"' | '\'' | '\\' | '?' => letter,
        // For `like`, whose own escapes these are; elsewhere the backslash stays, as it does in MySQL.
        '%' | '_' => {
            text.push('\\');
            letter
        }
        'x' => coded(input, at, 2, 16)?,
        'u' => coded(input, at, 4, 16)?,
        'U' => coded(input, at, 8, 16)?,
        '0'..='7' => {
            let mut code = letter.to_digit(8).unwrap_or_default();
            let more: &str = take_while(0..=2, '0'..='7').parse_next(input).map_err(Some)?;
            code = more.chars().filter_map(|c| c.to_digit(8)).fold(code, |code, digit| code * 8 + digit);
            ascii(code, at)?
        }
        _ => {
            let fault = Fault::new(at, format!("unknown escape '\\{}' in a string", letter.escape_debug()));
            return Err(Some(fault.hint("write a backslash as \\\\")));
        }
    };
    text.push(plain);
    Ok(())
}

fn coded(input: &mut Input<'_>, at: usize, digits: usize, radix: u32) -> Result<char, Option<Fault>> {
    let fault = || Some(Fault::new(at, format!("expected {digits} hexadecimal digits of a character")));
    let code: &str =
        take_while(digits..=digits, |c: char| c.is_digit(radix)).parse_next(input).map_err(|_: Fault| fault())?;
    let code = u32::from_str_radix(code, radix).map_err(|_| fault())?;
    if digits == 2 { ascii(code, at) } else { char::from_u32(code).ok_or_else(fault) }
}

/// Bytes above 127 would have to be UTF-8 by themselves: characters are written as they are, or by \u.
fn ascii(code: u32, at: usize) -> Result<char, Option<Fault>> {
    char::from_u32(code)
        .filter(char::is_ascii)
        .ok_or_else(|| Some(Fault::new(at, "this escape is not an ASCII character").hint("use \\u and four digits")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lex(text: &str) -> Vec<Token<'_>> {
        tokens(text).unwrap_or_else(|fault| panic!("{}", fault.into_error(text))).into_iter().map(|s| s.token).collect()
    }

    #[test]
    fn numbers() {
        let ints = [("0", 0), ("7", 7), ("0x1F", 31), ("0b101", 5), ("18446744073709551615", u64::MAX)];
        for (text, value) in ints {
            assert_eq!(lex(text), [Token::Int(value)], "{text}");
        }
        let floats = [("1.5", 1.5), (".5", 0.5), ("2.", 2.0), ("1e3", 1e3), ("1.5E-2", 0.015), ("0.5", 0.5)];
        for (text, value) in floats {
            assert_eq!(lex(text), [Token::Float(value)], "{text}");
        }
        for bad in ["010", "0x", "0xg", "0b2", "1a", "1e", "1e999", "18446744073709551616", "1.2.3", ".", "1_000"] {
            assert!(tokens(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn strings() {
        let good = [
            (r#""a""#, "a"),
            ("'a\"b'", "a\"b"),
            (r"'a\'b'", "a'b"),
            (r#""\a\b\f\n\r\t\v\\\?""#, "\u{7}\u{8}\u{c}\n\r\t\u{b}\\?"),
            (r#""\x41\101\u00e9\U0001F600\0""#, "AAé😀\0"),
            (r#""50\%\_""#, r"50\%\_"),
            ("\"日本\"", "日本"),
        ];
        for (text, value) in good {
            assert_eq!(lex(text), [Token::Text(value.to_owned())], "{text}");
        }
        for bad in ["\"", "'a", "\"a\nb\"", r#""\"#, r#""\q""#, r#""\xff""#, r#""\ud800""#, r#""\u12""#, r#""\400""#] {
            assert!(tokens(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn words_mean_the_same_in_any_case() {
        assert_eq!(lex("AND Or && not IN iS nUll"), {
            use Token::*;
            [And, Or, And, Not, In, Is, Null]
        });
        assert_eq!(lex("android"), [Token::Word("android")]);
        assert!(is_reserved("Like") && is_reserved("true") && !is_reserved("likes"));
    }
}
