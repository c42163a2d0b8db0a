use std::collections::{HashMap, HashSet};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use prost::Message as _;
use prost_reflect::{FileDescriptor, Kind, MessageDescriptor, prost_types::FileDescriptorProto};
use protox::{
    Compiler, Error,
    file::{ChainFileResolver, File, FileResolver, GoogleFileResolver},
};

use super::{options::drop_options, well_known};
use crate::{format::Registered, record::ApiName};

/// A compiled .proto file with its imports.
#[derive(Debug)]
pub(in crate::format) struct Schema {
    file: FileDescriptor,
    /// Whether message indexes skip the entry types of maps.
    ///
    /// Confluent's serializer counts them if the registered text spells them out, and skips them if that text has
    /// `map<…>`. A descriptor, which other clients register, has them spelled out.
    skips_entries: bool,
    /// The fields of a message type that have the name of an earlier field without case, by the type's full name.
    pub(super) repeated: HashMap<String, Vec<String>>,
}

/// The name of the compiled file itself, which no import can have.
const ITSELF: &str = "\u{1}.proto";

impl Schema {
    /// Compiles a schema and the schemas that it refers to.
    ///
    /// # Errors
    ///
    /// The reason why the schema cannot be read.
    pub(in crate::format) fn compile(registered: &Registered) -> Result<Self, String> {
        let mut files: HashMap<String, String> =
            registered.references.iter().map(|r| (r.name.clone(), r.text.clone())).collect();
        files.insert(ITSELF.to_owned(), registered.text.clone());
        let mut resolver = ChainFileResolver::new();
        resolver.add(Registry(files));
        resolver.add(GoogleFileResolver::new());
        resolver.add(Registry(well_known::FILES.map(|(name, text)| (name.to_owned(), text.to_owned())).into()));
        let mut compiler = Compiler::with_file_resolver(resolver);
        compiler.include_imports(true).open_file(ITSELF).map_err(|error| error.to_string())?;
        let pool = compiler.descriptor_pool();
        let file = pool.get_file_by_name(ITSELF).ok_or("the file is not there after it was read")?;
        if let Some(entry) = pool.all_messages().find(|message| message.is_map_entry() && !is_entry(message)) {
            return Err(format!("{} is not a map entry", entry.full_name()));
        }
        let repeated = pool.all_messages().map(|message| (message.full_name().to_owned(), repeated(&message)));
        let repeated = repeated.filter(|(_, names)| !names.is_empty()).collect();
        let is_text = descriptor(&registered.text).is_none();
        Ok(Self { file, skips_entries: is_text && !registered.text.contains("map_entry"), repeated })
    }

    /// Returns the message type at a path: an index into the file, then indexes into the enclosing type.
    pub(super) fn message(&self, path: &[usize]) -> Option<MessageDescriptor> {
        let (first, rest) = path.split_first()?;
        let first = self.file.messages().nth(*first)?;
        let counts = |message: &MessageDescriptor| !(self.skips_entries && message.is_map_entry());
        let found = rest.iter().try_fold(first, |outer, place| outer.child_messages().filter(counts).nth(*place))?;
        (!found.is_map_entry()).then_some(found)
    }
}

/// Whether a type that is marked as a map entry is a valid one. The library does not check it, and panics when it reads
/// one that is not.
fn is_entry(message: &MessageDescriptor) -> bool {
    let key = message.get_field(1).is_some_and(|key| {
        !key.is_list()
            && !matches!(key.kind(), Kind::Float | Kind::Double | Kind::Bytes | Kind::Enum(_) | Kind::Message(_))
    });
    key && message.get_field(2).is_some_and(|value| !value.is_list())
}

fn repeated(message: &MessageDescriptor) -> Vec<String> {
    let mut seen = HashSet::new();
    let names = message.fields().map(|field| field.name().to_owned());
    names.filter(|name| !seen.insert(ApiName::from(name.as_str()))).collect()
}

struct Registry(HashMap<String, String>);

impl FileResolver for Registry {
    fn open_file(&self, name: &str) -> Result<File, Error> {
        let text = self.0.get(name).ok_or_else(|| Error::file_not_found(name))?;
        let mut file = match descriptor(text) {
            // The library panics at an unknown syntax, and the schema is untrusted.
            Some(descriptor) if !matches!(descriptor.syntax(), "" | "proto2" | "proto3") => {
                return Err(Error::new(format!("the syntax {:?} is not known", descriptor.syntax())));
            }
            Some(descriptor) => FileDescriptorProto { name: Some(name.to_owned()), ..descriptor },
            None if nesting(text) > MAX_NESTING => {
                return Err(Error::new(format!("the text is nested deeper than {MAX_NESTING} braces")));
            }
            None => File::from_source(name, text)?.file_descriptor_proto().clone(),
        };
        drop_options(&mut file);
        Ok(File::from_file_descriptor_proto(file))
    }
}

/// The limit of nested braces, far more than in real schemas. The parser recurses for each.
const MAX_NESTING: usize = 64;

/// Returns the depth of nested braces, including those in texts and comments.
fn nesting(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut deepest = 0;
    for byte in text.bytes() {
        match byte {
            b'{' | b'<' | b'[' => depth += 1,
            b'}' | b'>' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// Decodes a serialized descriptor in base64, which Confluent's Python client registers instead of a text.
fn descriptor(text: &str) -> Option<FileDescriptorProto> {
    let bytes = BASE64_STANDARD.decode(text.trim()).ok().filter(|bytes| !bytes.is_empty())?;
    FileDescriptorProto::decode(&*bytes).ok()
}
