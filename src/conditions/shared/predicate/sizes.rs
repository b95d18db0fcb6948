//! How large the values of an expression may become, and how many steps follow from that.

use std::rc::Rc;

use cel::Value;
use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, IdedExpr, LiteralValue};
use cel::objects::Key;

use super::Variables;
use super::check::parts;

/// What an expression may cost: about a second on one core.
const MAX_STEPS: usize = 2_000_000;

/// The largest value that any expression may make, in the unit of [`Size::weight`]: some 30 MiB.
const MAX_WEIGHT: usize = 250_000;

/// How much larger than all values together a value may become that is made of them.
const MAX_GROWTH: usize = 8;

/// The largest values that are ever given: an answer of 16 MiB.
const MAX_GIVEN: usize = 16 * 1024 * 1024;

/// How many bytes of a text take as long, or as much room, as one element of a list.
const BYTES: usize = 64;

/// A timeline of a stage that waits has at least so many records: a stage, a job, a task, and the checkpoint itself.
const SHORTEST: usize = 4;

/// How deep the lists in a value are nested of which nothing is known.
const DEPTH: usize = 8;

/// What an expression costs at most.
#[derive(Default)]
pub(super) struct Cost {
    steps: usize,
    /// The largest value that it makes.
    weight: usize,
    max_weight: usize,
}

impl Cost {
    /// An upper bound with these values.
    pub(super) fn of(root: &IdedExpr, variables: &Variables<'_>) -> Self {
        let given: usize = variables.iter().map(|(_, value)| Size::of(value).weight()).sum();
        Self::bound(root, variables, Size::default(), given)
    }

    /// What it comes to at least, whatever the values.
    pub(super) fn least(root: &IdedExpr) -> Self {
        let unknown = (0..DEPTH).fold(Size::default(), |inner, _| Size::list(SHORTEST, inner));
        Self::bound(root, &[], unknown, MAX_GIVEN)
    }

    fn bound(root: &IdedExpr, variables: &Variables<'_>, unknown: Size, given: usize) -> Self {
        let mut sizes = Sizes { variables, unknown, bound: Vec::new(), heaviest: 0 };
        let (_, steps) = sizes.visit(root);
        Self { steps, weight: sizes.heaviest, max_weight: MAX_WEIGHT.max(given.saturating_mul(MAX_GROWTH)) }
    }

    /// What is too much, if anything is.
    pub(super) fn excess(&self) -> Option<String> {
        if self.weight > self.max_weight {
            return Some("would make a value that is too large".to_owned());
        }
        (self.steps > MAX_STEPS).then(|| format!("would take too many steps ({})", self.steps))
    }
}

/// How large a value may be.
#[derive(Clone, Default)]
struct Size {
    /// The elements of a list, or the members of a map.
    items: usize,
    /// The bytes of a text.
    bytes: usize,
    /// The largest of the elements, of the names and values of the members.
    element: Option<Rc<Self>>,
}

impl Size {
    fn of(value: &Value) -> Self {
        let all = |sizes: &mut dyn Iterator<Item = Self>| sizes.fold(Self::default(), Self::or);
        match value {
            Value::List(items) => Self::list(items.len(), all(&mut items.iter().map(Self::of))),
            Value::Map(map) => {
                let names = map.map.keys().map(|name| Self::text(name.to_string().len()));
                Self::list(map.map.len(), all(&mut map.map.values().map(Self::of).chain(names)))
            }
            Value::String(text) => Self::text(text.len()),
            Value::Bytes(bytes) => Self::text(bytes.len()),
            _ => Self::default(),
        }
    }

    fn text(bytes: usize) -> Self {
        Self { bytes, ..Self::default() }
    }

    fn list(items: usize, element: Self) -> Self {
        Self { items, bytes: 0, element: Some(Rc::new(element)) }
    }

    fn element(&self) -> Self {
        self.element.as_deref().cloned().unwrap_or_default()
    }

    /// That of either value.
    fn or(self, other: Self) -> Self {
        let element = match (self.element, other.element) {
            (Some(one), Some(two)) => Some(Rc::new(Self::clone(&one).or(Self::clone(&two)))),
            (one, two) => one.or(two),
        };
        Self { items: self.items.max(other.items), bytes: self.bytes.max(other.bytes), element }
    }

    /// That of both, one behind the other.
    fn and(self, other: Self) -> Self {
        let (items, bytes) = (self.items.saturating_add(other.items), self.bytes.saturating_add(other.bytes));
        Self { items, bytes, ..self.or(other) }
    }

    /// How many values it holds, inner ones too. A long text counts as several.
    fn weight(&self) -> usize {
        let inner = self.element.as_ref().map_or(0, |element| element.weight());
        (1 + self.bytes / BYTES).saturating_add(self.items.saturating_mul(inner))
    }
}

/// The values that an expression reads and binds.
struct Sizes<'a> {
    variables: &'a Variables<'a>,
    /// That of a variable which is not given.
    unknown: Size,
    /// The names that the expression binds itself, the innermost last.
    bound: Vec<(&'a str, Size)>,
    heaviest: usize,
}

impl<'a> Sizes<'a> {
    /// The size of a node's value, and the steps to it.
    fn visit(&mut self, node: &'a IdedExpr) -> (Size, usize) {
        if let Some(value) = self.given(node) {
            return (Size::of(value), 1);
        }
        let (size, steps) = match &node.expr {
            Expr::Ident(name) => return (self.named(name), 1),
            Expr::Literal(LiteralValue::String(text)) => return (Size::text(text.inner().len()), 1),
            Expr::Comprehension(inner) => self.walk(inner),
            Expr::Call(call) => self.call(node, call),
            Expr::Select(select) => {
                let (operand, steps) = self.visit(&select.operand);
                (operand.element(), steps)
            }
            _ => {
                let inner = self.visit_all(node);
                let count = inner.len();
                let (element, steps) =
                    inner.into_iter().fold((Size::default(), 0_usize), |(size, sum), (part, steps)| {
                        (size.or(part), sum.saturating_add(steps))
                    });
                (Size::list(count, element), steps)
            }
        };
        self.heaviest = self.heaviest.max(size.weight());
        (size, steps.saturating_add(1))
    }

    fn visit_all(&mut self, node: &'a IdedExpr) -> Vec<(Size, usize)> {
        parts(node).into_iter().map(|part| self.visit(part)).collect()
    }

    /// A macro, which walks through a list or a map.
    fn walk(&mut self, inner: &'a ComprehensionExpr) -> (Size, usize) {
        let (range, to_range) = self.visit(&inner.iter_range);
        let (_, to_init) = self.visit(&inner.accu_init);
        let before = self.bound.len();
        for name in [Some(&inner.iter_var), inner.iter_var2.as_ref()].into_iter().flatten() {
            self.bound.push((name, range.element()));
        }
        self.bound.push((&inner.accu_var, Size::default()));
        let (_, to_cond) = self.visit(&inner.loop_cond);
        let (step, to_step) = self.visit(&inner.loop_step);
        // `map` and `filter` add what a step makes to what the earlier ones made.
        let size = Size { items: range.items.saturating_mul(step.items), ..step };
        self.bound.push((&inner.accu_var, size));
        let (size, to_result) = self.visit(&inner.result);
        self.bound.truncate(before);
        let each = to_cond.saturating_add(to_step).saturating_mul(range.items);
        (size, [to_range, to_init, to_result].into_iter().fold(each, usize::saturating_add))
    }

    fn call(&mut self, node: &'a IdedExpr, call: &'a CallExpr) -> (Size, usize) {
        let (sizes, steps): (Vec<Size>, Vec<usize>) = self.visit_all(node).into_iter().unzip();
        let steps = steps.into_iter().fold(0, usize::saturating_add);
        let nth = |index: usize| sizes.get(index).cloned().unwrap_or_default();
        let (size, more) = match call.func_name.as_str() {
            "_+_" => {
                let sum = nth(0).and(nth(1));
                let more = sum.items.saturating_add(sum.bytes / BYTES);
                (sum, more)
            }
            "_?_:_" => (nth(1).or(nth(2)), 0),
            "_[_]" => (nth(0).element(), 0),
            "dyn" => (nth(0), 0),
            "string" | "bytes" => (Size::text(sizes.iter().fold(BYTES, |sum, size| sum.saturating_add(size.bytes))), 0),
            "_==_" | "_!=_" => (Size::default(), nth(0).weight().min(nth(1).weight()) / BYTES),
            "@in" => (Size::default(), nth(1).weight() / BYTES),
            _ => (Size::default(), 0),
        };
        (size, steps.saturating_add(more))
    }

    fn named(&self, name: &str) -> Size {
        let bound = self.bound.iter().rev().find(|(known, _)| *known == name);
        bound.map_or_else(|| self.unknown.clone(), |(_, size)| size.clone())
    }

    /// The value of a variable, or of a member of one.
    fn given(&self, node: &IdedExpr) -> Option<&'a Value> {
        match &node.expr {
            Expr::Ident(name) if self.bound.iter().all(|(known, _)| known != name) => {
                self.variables.iter().find(|(known, _)| known == name).map(|(_, value)| value)
            }
            Expr::Select(select) => match self.given(&select.operand)? {
                Value::Map(map) => map.map.get(&Key::from(select.field.as_str())),
                _ => None,
            },
            _ => None,
        }
    }
}
