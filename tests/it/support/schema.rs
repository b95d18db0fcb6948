//! Holds JSON against the schema that describes it.

use boon::{Compiler, Schemas};
use serde_json::Value;

use super::app_root;

/// A schema of the repository.
pub(crate) struct Schema {
    schemas: Schemas,
    root: boon::SchemaIndex,
}

impl Schema {
    /// Reads a schema, such as `decision.schema.json`. Formats, such as `date-time`, are checked too.
    pub(crate) fn read(path: &str) -> Self {
        let text = std::fs::read_to_string(app_root().join(path)).expect(path);
        let schema: Value = serde_json::from_str(&text).expect(path);
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.enable_format_assertions();
        let address = format!("file:///{path}");
        compiler.add_resource(&address, schema).unwrap_or_else(|error| panic!("{path}: {error}"));
        let root = compiler.compile(&address, &mut schemas).unwrap_or_else(|error| panic!("{path}: {error:#}"));
        Self { schemas, root }
    }

    /// What of a document the schema does not allow; nothing if it is valid.
    pub(crate) fn complaints(&self, document: &Value) -> Option<String> {
        self.schemas.validate(document, self.root).err().map(|error| format!("{error:#}"))
    }

    /// Fails unless the document is valid.
    #[track_caller]
    pub(crate) fn expect(&self, document: &Value) {
        assert_eq!(self.complaints(document), None, "{document:#}");
    }
}
