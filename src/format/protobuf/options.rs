//! Removes options from a .proto file before it is compiled. They are for compilers, linters and gateways, and do not
//! affect the bytes of a message. Their definitions are often not registered, so that a file would not compile with
//! them.

use prost_reflect::prost_types::{
    DescriptorProto, EnumDescriptorProto, EnumOptions, FieldDescriptorProto, FieldOptions, FileDescriptorProto,
    MessageOptions, UninterpretedOption,
};

/// Removes services, and all options except those that affect how bytes are read: `map_entry`, `packed`, and
/// `allow_alias`, without which two names of one number would be an error.
pub(super) fn drop_options(file: &mut FileDescriptorProto) {
    file.options = None;
    file.service.clear();
    // The source info refers to the removed options.
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

/// Keeps only the option `name` among the options of a text that is not resolved yet.
fn only(name: &str, mut options: Vec<UninterpretedOption>) -> Vec<UninterpretedOption> {
    options.retain(|option| matches!(&*option.name, [part] if !part.is_extension && part.name_part == name));
    options
}
