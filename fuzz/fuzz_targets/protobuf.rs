//! Any bytes as a Protobuf message. The first of them chooses its type.
#![no_main]

use std::sync::LazyLock;

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use sobjectd::format::Schema;
use sobjectd_fuzz::{Names, check, registered};

const PROTO3: &str = r#"
    syntax = "proto3";
    package crm;
    import "google/protobuf/any.proto";
    import "google/protobuf/duration.proto";
    import "google/protobuf/struct.proto";
    import "google/protobuf/timestamp.proto";
    import "google/protobuf/wrappers.proto";
    import "google/type/date.proto";
    import "google/type/timeofday.proto";
    import "confluent/meta.proto";
    import "confluent/type/decimal.proto";
    import "geo/address.proto";
    enum Level { LOW = 0; HIGH = 1; }
    message Contact {
        string Name = 1 [(confluent.field_meta).doc = "what it is called"];
        optional string Email = 2;
        int64 Big = 3;
        uint64 Bigger = 4;
        double Rate = 5;
        float Small = 6;
        bytes Raw = 7;
        Level level = 8;
        repeated string Choices = 9;
        map<string, int32> counts = 10;
        google.protobuf.Timestamp at = 11;
        google.protobuf.StringValue wrapped = 12;
        google.type.Date day = 13;
        google.type.TimeOfDay time = 14;
        confluent.type.Decimal price = 15;
        geo.Address home = 16;
        oneof contact { string phone = 17; string fax = 18; Inner inner = 24; }
        google.protobuf.Duration took = 19;
        message Inner { int32 id = 1; message Innermost { sint64 id = 1; } Innermost most = 2; }
        Contact boss = 20;
        google.protobuf.Any any = 21;
        google.protobuf.Struct json = 22;
        map<bool, Contact> by = 23;
        map<int64, google.protobuf.Timestamp> when = 25;
    }
    message Numbers {
        repeated bool b = 1; repeated sint32 s = 2; repeated fixed64 f = 3; repeated sfixed32 g = 4;
        repeated double d = 5; repeated float e = 6; repeated Level l = 7; repeated uint32 u = 8;
        repeated bytes y = 9; repeated Empty m = 10; fixed32 h = 11; sfixed64 i = 12; sint64 j = 13;
        repeated google.protobuf.DoubleValue w = 14; repeated google.protobuf.BytesValue x = 15;
    }
    message Empty {}
"#;
const ADDRESS: &str = r#"syntax = "proto3"; package geo; message Address { string City = 1; }"#;
const PROTO2: &str = r#"
    syntax = "proto2";
    enum Closed { ONE = 1; TWO = 2; }
    message Old {
        required int32 id = 1;
        optional string Name = 2 [default = "x"];
        optional group Group = 3 { repeated Old olds = 1; optional Closed closed = 2; }
        repeated Closed many = 4 [packed = true];
        repeated group Groups = 5 { optional int64 n = 1; }
        extensions 100 to 199;
        map<string, Closed> by = 6;
    }
    extend Old { optional string more = 100; }
    message Loose { optional Old old = 1; oneof one { int32 a = 2; Old b = 3; } }
"#;
const LIMIT: usize = 256 * 1024;

static COMPILED: LazyLock<[Schema; 2]> = LazyLock::new(|| {
    [registered("PROTOBUF", PROTO3, &[("geo/address.proto", ADDRESS)]), registered("PROTOBUF", PROTO2, &[])]
        .map(|registered| Schema::compile(&registered))
});
/// Places in a file. Some lead to an entry of a map, some to nothing.
const PATHS: [(usize, &[usize]); 16] = [
    (0, &[0]),
    (0, &[1]),
    (0, &[2]),
    (0, &[0, 0]),
    (0, &[0, 1]),
    (0, &[0, 2]),
    (0, &[0, 3]),
    (0, &[0, 0, 0]),
    (0, &[9]),
    (0, &[]),
    (1, &[0]),
    (1, &[1]),
    (1, &[0, 0]),
    (1, &[0, 1]),
    (1, &[0, 2]),
    (1, &[0, 9]),
];

fuzz_target!(|data: &[u8]| {
    let Some((first, message)) = data.split_first() else { return };
    let (file, path) = PATHS[usize::from(*first) % PATHS.len()];
    check(COMPILED[file].read(path, &Bytes::copy_from_slice(message), LIMIT), LIMIT, Names::UniqueOutside);
});
