/// A schema as the registry has it, with all that it refers to, directly or not: what is referred to comes first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// `AVRO`, `JSON`, `PROTOBUF`.
    pub kind: String,
    pub text: String,
    pub references: Vec<Reference>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// As the schema that refers to it has it: an Avro name, a .proto file, a URL.
    pub name: String,
    pub text: String,
}
