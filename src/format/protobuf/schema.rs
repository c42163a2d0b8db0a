use std::collections::{HashMap, HashSet};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use prost::Message as _;
use prost_reflect::{FileDescriptor, MessageDescriptor, prost_types::FileDescriptorProto};
use protox::{
    Compiler, Error,
    file::{ChainFileResolver, File, FileResolver, GoogleFileResolver},
};

use super::well_known;
use crate::format::Registered;

#[derive(Debug)]
pub(in crate::format) struct Schema(FileDescriptor);

/// The file itself; nobody can import it by this name.
const ITSELF: &str = "\u{1}.proto";

impl Schema {
    /// Reads a schema and all that it refers to.
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
        match pool.all_messages().find_map(|message| twice(&message)) {
            Some(twice) => Err(format!("{twice} is there twice (names are compared without case)")),
            None => Ok(Self(file)),
        }
    }

    /// The message type at a path of places: in the file, then in the type before.
    pub(super) fn message(&self, path: &[usize]) -> Option<MessageDescriptor> {
        let (first, rest) = path.split_first()?;
        let first = self.0.messages().nth(*first)?;
        rest.iter().try_fold(first, |outer, place| outer.child_messages().nth(*place))
    }
}

fn twice(message: &MessageDescriptor) -> Option<String> {
    let mut seen = HashSet::new();
    message.fields().find(|field| !seen.insert(field.name().to_ascii_lowercase())).map(|f| f.full_name().to_owned())
}

struct Registry(HashMap<String, String>);

impl FileResolver for Registry {
    fn open_file(&self, name: &str) -> Result<File, Error> {
        let text = self.0.get(name).ok_or_else(|| Error::file_not_found(name))?;
        // Confluent's Python client registers the serialized descriptor, in base64.
        let descriptor = BASE64_STANDARD.decode(text.trim()).ok();
        match descriptor.and_then(|bytes| FileDescriptorProto::decode(&*bytes).ok()) {
            Some(descriptor) => {
                Ok(File::from_file_descriptor_proto(FileDescriptorProto { name: Some(name.to_owned()), ..descriptor }))
            }
            None => File::from_source(name, text),
        }
    }
}
