//! A query's text to a [`Query`], checked against the schema as the org checks it.

use super::lex::{Token, lex, malformed};
use crate::{
    protocol::ApiError,
    schema::{Field, FieldType, SObject, Schema},
    store::fold_text,
    value::{RecordId, decimal, moment},
};

#[derive(Debug)]
pub(crate) struct Query {
    pub(crate) place: usize,
    pub(crate) selected: Selected,
    pub(crate) filters: Vec<Filter>,
    /// The field, and whether descending.
    pub(crate) order: Option<(usize, bool)>,
    pub(crate) limit: Option<usize>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Selected {
    Count,
    Fields(Vec<usize>),
}

/// The field's value is (not) among these folded ones; `None` stands for null.
#[derive(Debug)]
pub(crate) struct Filter {
    pub(crate) field: usize,
    pub(crate) any_of: Vec<Option<String>>,
    pub(crate) negated: bool,
}

impl Query {
    pub(crate) fn parse(schema: &Schema, soql: &str) -> Result<Self, ApiError> {
        let tokens = lex(soql)?;
        Parser { soql, schema, tokens, at: 0 }.query()
    }
}

struct Parser<'s> {
    soql: &'s str,
    schema: &'s Schema,
    tokens: Vec<(usize, Token)>,
    at: usize,
}

impl Parser<'_> {
    fn query(mut self) -> Result<Query, ApiError> {
        self.keyword("SELECT")?;
        let mut names = Vec::new();
        loop {
            names.push(self.name()?);
            if !self.symbol(',') {
                break;
            }
        }
        let count = names.len() == 1 && names[0].1.eq_ignore_ascii_case("COUNT") && self.symbol('(');
        if count && !self.symbol(')') {
            return Err(self.unexpected());
        }
        self.keyword("FROM")?;
        let (at, name) = self.name()?;
        let place = self.schema.place(&name).ok_or_else(|| {
            let message = format!(
                "sObject type '{name}' is not supported. If you are attempting to use a custom object, be sure to append \
                 the '__c' after the entity name. Please reference your WSDL or the describe call for the appropriate names."
            );
            self.pointed(at, "INVALID_TYPE", &message)
        })?;
        let sobject = std::sync::Arc::clone(&self.schema.sobjects[place]);
        let selected = if count {
            Selected::Count
        } else {
            Selected::Fields(names.iter().map(|name| self.column(&sobject, name)).collect::<Result<_, _>>()?)
        };
        let mut filters = Vec::new();
        if self.optional("WHERE") {
            filters.push(self.filter(&sobject)?);
            while self.optional("AND") {
                filters.push(self.filter(&sobject)?);
            }
        }
        let mut order = None;
        if self.optional("ORDER") {
            self.keyword("BY")?;
            let name = self.name()?;
            let field = self.column(&sobject, &name)?;
            let descending = self.optional("DESC");
            if !descending {
                self.optional("ASC");
            }
            order = Some((field, descending));
        }
        let mut limit = None;
        if self.optional("LIMIT") {
            let (_, number) = self.name()?;
            limit = Some(number.parse().map_err(|_| malformed(&format!("unexpected token: '{number}'")))?);
        }
        if self.at < self.tokens.len() {
            return Err(self.unexpected());
        }
        Ok(Query { place, selected, filters, order, limit })
    }

    fn filter(&mut self, sobject: &SObject) -> Result<Filter, ApiError> {
        let name = self.name()?;
        let field = self.column(sobject, &name)?;
        let described = &sobject.fields[field];
        if !described.filterable {
            let message = format!("field '{}' can not be filtered in a query call", described.name);
            return Err(self.pointed(name.0, "INVALID_FIELD", &message));
        }
        let negated = self.symbol('!') || self.optional("NOT");
        let any_of = if self.optional("IN") {
            let mut literals = Vec::new();
            if !self.symbol('(') {
                return Err(self.unexpected());
            }
            loop {
                literals.push(self.literal(described)?);
                if self.symbol(')') {
                    break literals;
                }
                if !self.symbol(',') {
                    return Err(self.unexpected());
                }
            }
        } else if self.symbol('=') {
            vec![self.literal(described)?]
        } else {
            return Err(self.unexpected());
        };
        Ok(Filter { field, any_of, negated })
    }

    /// A literal in the form the field's values are compared in.
    fn literal(&mut self, field: &Field) -> Result<Option<String>, ApiError> {
        let Some((at, token)) = self.tokens.get(self.at).cloned() else { return Err(self.unexpected()) };
        let typed = |quotes: &str| {
            let (name, kind) = (&field.name, field.type_name());
            let message =
                format!("value of filter criterion for field '{name}' must be of type {kind} and should {quotes}");
            self.pointed(at, "INVALID_FIELD", &message)
        };
        let folded = match &token {
            Token::Word(word) if word.eq_ignore_ascii_case("null") => None,
            Token::Quoted(text) if matches!(field.kind, FieldType::Id | FieldType::Reference) => {
                let bad = || ApiError::parse("INVALID_QUERY_FILTER_OPERATOR", format!("invalid ID field: {text}"));
                Some(RecordId::parse(text).ok_or_else(bad)?.to_string())
            }
            Token::Quoted(text) if field.is_text() => Some(fold_text(field, text)).filter(|text| !text.is_empty()),
            Token::Quoted(_) => return Err(typed("not be enclosed in quotes")),
            Token::Word(word) => match field.kind {
                _ if field.is_number() => {
                    let number =
                        decimal::parse(word).ok_or_else(|| malformed(&format!("unexpected token: '{word}'")))?;
                    Some(decimal::key(&number))
                }
                FieldType::Boolean => match word.to_lowercase().as_str() {
                    word @ ("true" | "false") => Some(word.to_owned()),
                    _ => return Err(typed("not be enclosed in quotes")),
                },
                FieldType::Date => Some(moment::date(word).ok_or_else(|| typed("not be enclosed in quotes"))?),
                FieldType::DateTime => Some(moment::date_time(word).ok_or_else(|| typed("not be enclosed in quotes"))?),
                FieldType::Time => Some(moment::time_of_day(word).ok_or_else(|| typed("not be enclosed in quotes"))?),
                _ => return Err(typed("be enclosed in quotes")),
            },
            Token::Symbol(_) => return Err(self.unexpected()),
        };
        self.at += 1;
        Ok(folded)
    }

    fn column(&self, sobject: &SObject, (at, name): &(usize, String)) -> Result<usize, ApiError> {
        // Recorded, `query-unknown-column`.
        sobject.field(name).ok_or_else(|| {
            let message = format!(
                "No such column '{name}' on entity '{}'. If you are attempting to use a custom field, be sure to append \
                 the '__c' after the custom field name. Please reference your WSDL or the describe call for the \
                 appropriate names.",
                sobject.name
            );
            self.pointed(*at, "INVALID_FIELD", &message)
        })
    }

    fn name(&mut self) -> Result<(usize, String), ApiError> {
        match self.tokens.get(self.at) {
            Some((at, Token::Word(word))) => {
                let name = (*at, word.clone());
                self.at += 1;
                Ok(name)
            }
            _ => Err(self.unexpected()),
        }
    }

    fn optional(&mut self, keyword: &str) -> bool {
        let found =
            matches!(self.tokens.get(self.at), Some((_, Token::Word(word))) if word.eq_ignore_ascii_case(keyword));
        self.at += usize::from(found);
        found
    }

    fn keyword(&mut self, keyword: &str) -> Result<(), ApiError> {
        if self.optional(keyword) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn symbol(&mut self, symbol: char) -> bool {
        let found = matches!(self.tokens.get(self.at), Some((_, Token::Symbol(c))) if *c == symbol);
        self.at += usize::from(found);
        found
    }

    /// Recorded, `query-malformed-soql`: `unexpected token: SELEKT`.
    fn unexpected(&self) -> ApiError {
        let token = match self.tokens.get(self.at) {
            Some((_, Token::Word(text) | Token::Quoted(text))) => text.clone(),
            Some((_, Token::Symbol(c))) => c.to_string(),
            None => "<EOF>".to_owned(),
        };
        malformed(&format!("unexpected token: {token}"))
    }

    /// An error with the query's text and a caret under its place (recorded).
    fn pointed(&self, at: usize, code: &str, message: &str) -> ApiError {
        let column = self.soql[..at].chars().count();
        // The org shows a window of a long query; its size was not found.
        let shown: String = self.soql.chars().take(200).collect();
        let caret = " ".repeat(column.min(200));
        let message = format!("\n{shown}\n{caret}^\nERROR at Row:1:Column:{}\n{message}", column + 1);
        ApiError::parse(code, message)
    }
}
