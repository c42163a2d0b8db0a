//! Options: what the author of a .proto file tells compilers, linters and gateways. They say nothing of a message's
//! bytes, and their definitions often stay behind with their author, so that they are dropped before a file is resolved.

use prost_reflect::prost_types::{
    DescriptorProto, EnumDescriptorProto, EnumOptions, FieldDescriptorProto, FieldOptions, FileDescriptorProto,
    MessageOptions, UninterpretedOption,
};

/// Drops services, and all options but those that say how bytes are read: `map_entry`, `packed`, and `allow_alias`,
/// without which two names of one number would be an error.
pub(super) fn drop_options(file: &mut FileDescriptorProto) {
    file.options = None;
    file.service.clear();
    // It points into the options.
    file.source_code_info = None;
    file.message_type.iter_mut().for_each(message);
    file.enum_type.iter_mut().for_each(enumeration);
    file.extension.iter_mut().for_each(field);
}

fn message(message: &mut DescriptorProto) {
    message.options = message.options.take().map(|options| MessageOptions {
        map_entry: options.map_entry,
        uninterpreted_option: only("map_entry", options.uninterpreted_option),
        ..MessageOptions::default()
    });
    message.field.iter_mut().chain(&mut message.extension).for_each(field);
    message.oneof_decl.iter_mut().for_each(|oneof| oneof.options = None);
    message.extension_range.iter_mut().for_each(|range| range.options = None);
    message.enum_type.iter_mut().for_each(enumeration);
    message.nested_type.iter_mut().for_each(self::message);
}

fn field(field: &mut FieldDescriptorProto) {
    field.options = field.options.take().map(|options| FieldOptions {
        packed: options.packed,
        uninterpreted_option: only("packed", options.uninterpreted_option),
        ..FieldOptions::default()
    });
}

fn enumeration(enumeration: &mut EnumDescriptorProto) {
    enumeration.options = enumeration.options.take().map(|options| EnumOptions {
        allow_alias: options.allow_alias,
        uninterpreted_option: only("allow_alias", options.uninterpreted_option),
        ..EnumOptions::default()
    });
    enumeration.value.iter_mut().for_each(|value| value.options = None);
}

/// The schema as its text has it, before it is resolved.
fn only(name: &str, mut options: Vec<UninterpretedOption>) -> Vec<UninterpretedOption> {
    options.retain(|option| matches!(&*option.name, [part] if !part.is_extension && part.name_part == name));
    options
}
