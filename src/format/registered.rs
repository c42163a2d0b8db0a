/// A schema of the registry with all schemas that it refers to, directly or indirectly. A schema comes after those that
/// it refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// Type of the schema as the registry spells it: `AVRO`, `JSON`, `PROTOBUF`.
    pub kind: String,
    pub text: String,
    pub references: Vec<Reference>,
}

/// A schema that another schema refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Name in the schema that refers to it: an Avro name, a .proto file, a URL.
    pub name: String,
    pub text: String,
}
