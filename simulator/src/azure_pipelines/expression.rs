//! Reads the expressions of *Success criteria*, such as `eq(root['status'], 'successful')`.

use serde_json::Value;

/// A parsed expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expression {
    /// A text, a number, `true`, `false` or `null`.
    Literal(Value),
    /// The body of the answer.
    Root,
    /// A member of an object, or an item of an array.
    Member(Box<Self>, Box<Self>),
    /// A function with its arguments. The name is in lower case.
    Call(String, Vec<Self>),
}

/// Reads a whole expression.
pub(super) fn parse(text: &str) -> Result<Expression, String> {
    let mut reader = Reader { rest: text };
    let expression = reader.expression()?;
    match reader.peek() {
        None => Ok(expression),
        Some(found) => Err(format!("the expression ends before `{found}`")),
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn peek(&mut self) -> Option<char> {
        self.rest = self.rest.trim_start();
        self.rest.chars().next()
    }

    fn take(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.rest = &self.rest[wanted.len_utf8()..];
        }
        found
    }

    fn expect(&mut self, wanted: char) -> Result<(), String> {
        if self.take(wanted) {
            return Ok(());
        }
        let found = self.peek().map_or_else(|| "the end".to_owned(), |found| format!("`{found}`"));
        Err(format!("`{wanted}` was expected, {found} was found"))
    }

    /// A value, followed by any number of `['member']` and `.member`.
    fn expression(&mut self) -> Result<Expression, String> {
        let mut value = self.value()?;
        loop {
            let member = if self.take('[') {
                let member = self.expression()?;
                self.expect(']')?;
                member
            } else if self.take('.') {
                Expression::Literal(Value::from(self.word()))
            } else {
                return Ok(value);
            };
            value = Expression::Member(Box::new(value), Box::new(member));
        }
    }

    fn value(&mut self) -> Result<Expression, String> {
        match self.peek() {
            Some('\'') => self.text(),
            Some(c) if c.is_ascii_digit() || c == '-' => self.number(),
            Some(c) if c.is_ascii_alphabetic() => self.named(),
            Some(c) => Err(format!("`{c}` does not begin a value")),
            None => Err("a value was expected, the end was found".to_owned()),
        }
    }

    /// A text in quotes. Two quotes stand for one.
    fn text(&mut self) -> Result<Expression, String> {
        let mut text = String::new();
        self.rest = &self.rest[1..];
        loop {
            let (part, rest) = self.rest.split_once('\'').ok_or("a text has no closing quote")?;
            text.push_str(part);
            self.rest = rest;
            let Some(after_two_quotes) = rest.strip_prefix('\'') else { break };
            text.push('\'');
            self.rest = after_two_quotes;
        }
        Ok(Expression::Literal(Value::from(text)))
    }

    fn number(&mut self) -> Result<Expression, String> {
        let end = self.rest.find(|c: char| !c.is_ascii_digit() && c != '-' && c != '.').unwrap_or(self.rest.len());
        let (number, rest) = self.rest.split_at(end);
        self.rest = rest;
        number.parse::<f64>().map(|number| Expression::Literal(Value::from(number))).map_err(|error| error.to_string())
    }

    fn word(&mut self) -> String {
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word.to_owned()
    }

    /// `root`, a literal, or a call.
    fn named(&mut self) -> Result<Expression, String> {
        let name = self.word().to_lowercase();
        if self.take('(') {
            return Ok(Expression::Call(name, self.arguments()?));
        }
        match name.as_str() {
            "root" => Ok(Expression::Root),
            "true" => Ok(Expression::Literal(Value::Bool(true))),
            "false" => Ok(Expression::Literal(Value::Bool(false))),
            "null" => Ok(Expression::Literal(Value::Null)),
            _ => Err(format!("`{name}` is not known")),
        }
    }

    fn arguments(&mut self) -> Result<Vec<Expression>, String> {
        let mut arguments = Vec::new();
        if self.take(')') {
            return Ok(arguments);
        }
        loop {
            arguments.push(self.expression()?);
            if self.take(')') {
                return Ok(arguments);
            }
            self.expect(',')?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Expression {
        Expression::Literal(Value::from(text))
    }

    #[test]
    fn a_call_has_literals_and_members_as_arguments() {
        let member = Expression::Member(Box::new(Expression::Root), Box::new(text("status")));
        let expected = Expression::Call("eq".to_owned(), vec![member, text("successful")]);
        for written in ["eq(root['status'], 'successful')", " Eq( root.status ,'successful' ) "] {
            assert_eq!(parse(written).as_ref(), Ok(&expected), "{written}");
        }
    }

    #[test]
    fn two_quotes_in_a_text_stand_for_one() {
        assert_eq!(parse("'it''s'"), Ok(text("it's")));
        assert_eq!(parse("''"), Ok(text("")));
        assert_eq!(parse("eq('', '')"), Ok(Expression::Call("eq".to_owned(), vec![text(""), text("")])));
    }

    #[test]
    fn a_broken_expression_is_refused_with_a_reason() {
        for (written, why) in [
            ("eq(root['status'], 'successful'", "`,` was expected, the end was found"),
            ("eq(root", "`,` was expected, the end was found"),
            ("eq('a', 'b') x", "the expression ends before `x`"),
            ("status", "`status` is not known"),
            ("'open", "a text has no closing quote"),
            ("", "a value was expected, the end was found"),
        ] {
            assert_eq!(parse(written), Err(why.to_owned()), "{written}");
        }
    }
}
