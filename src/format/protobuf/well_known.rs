//! The files that a .proto file may import from Confluent's registry without a reference, and the message types that
//! represent one value. Google's own well-known files come with protox.

use prost_reflect::{DynamicMessage, MessageDescriptor, Value};

use crate::{
    format::{
        FormatError,
        logical::{self, Logical},
        writer::Writer,
    },
    record::LogicalType,
};

/// The files by the names of their imports, reduced to the parts that a descriptor needs.
pub(super) const FILES: [(&str, &str); 18] = [
    (
        "confluent/meta.proto",
        r#"syntax = "proto3";
        package confluent;
        import "google/protobuf/descriptor.proto";
        message Meta { string doc = 1; map<string, string> params = 2; repeated string tags = 3; }
        extend google.protobuf.FileOptions { Meta file_meta = 1088; }
        extend google.protobuf.MessageOptions { Meta message_meta = 1088; }
        extend google.protobuf.FieldOptions { Meta field_meta = 1088; }
        extend google.protobuf.EnumOptions { Meta enum_meta = 1088; }
        extend google.protobuf.EnumValueOptions { Meta enum_value_meta = 1088; }"#,
    ),
    (
        "confluent/type/decimal.proto",
        r#"syntax = "proto3";
        package confluent.type;
        message Decimal { bytes value = 1; uint32 precision = 2; int32 scale = 3; }"#,
    ),
    (
        "google/type/date.proto",
        r#"syntax = "proto3";
        package google.type;
        message Date { int32 year = 1; int32 month = 2; int32 day = 3; }"#,
    ),
    (
        "google/type/timeofday.proto",
        r#"syntax = "proto3";
        package google.type;
        message TimeOfDay { int32 hours = 1; int32 minutes = 2; int32 seconds = 3; int32 nanos = 4; }"#,
    ),
    (
        "google/type/calendar_period.proto",
        r#"syntax = "proto3";
        package google.type;
        enum CalendarPeriod { CALENDAR_PERIOD_UNSPECIFIED = 0; DAY = 1; WEEK = 2; FORTNIGHT = 3; MONTH = 4; QUARTER = 5; HALF = 6; YEAR = 7; }"#,
    ),
    (
        "google/type/color.proto",
        r#"syntax = "proto3";
        package google.type;
        import "google/protobuf/wrappers.proto"; message Color { float red = 1; float green = 2; float blue = 3; google.protobuf.FloatValue alpha = 4; }"#,
    ),
    (
        "google/type/datetime.proto",
        r#"syntax = "proto3";
        package google.type;
        import "google/protobuf/duration.proto";
        message DateTime {
            int32 year = 1; int32 month = 2; int32 day = 3; int32 hours = 4; int32 minutes = 5; int32 seconds = 6; int32 nanos = 7;
            oneof time_offset { google.protobuf.Duration utc_offset = 8; TimeZone time_zone = 9; }
        }
        message TimeZone { string id = 1; string version = 2; }"#,
    ),
    (
        "google/type/dayofweek.proto",
        r#"syntax = "proto3";
        package google.type;
        enum DayOfWeek { DAY_OF_WEEK_UNSPECIFIED = 0; MONDAY = 1; TUESDAY = 2; WEDNESDAY = 3; THURSDAY = 4; FRIDAY = 5; SATURDAY = 6; SUNDAY = 7; }"#,
    ),
    (
        "google/type/decimal.proto",
        r#"syntax = "proto3";
        package google.type;
        message Decimal { string value = 1; }"#,
    ),
    (
        "google/type/expr.proto",
        r#"syntax = "proto3";
        package google.type;
        message Expr { string expression = 1; string title = 2; string description = 3; string location = 4; }"#,
    ),
    (
        "google/type/fraction.proto",
        r#"syntax = "proto3";
        package google.type;
        message Fraction { int64 numerator = 1; int64 denominator = 2; }"#,
    ),
    (
        "google/type/interval.proto",
        r#"syntax = "proto3";
        package google.type;
        import "google/protobuf/timestamp.proto"; message Interval { google.protobuf.Timestamp start_time = 1; google.protobuf.Timestamp end_time = 2; }"#,
    ),
    (
        "google/type/latlng.proto",
        r#"syntax = "proto3";
        package google.type;
        message LatLng { double latitude = 1; double longitude = 2; }"#,
    ),
    (
        "google/type/money.proto",
        r#"syntax = "proto3";
        package google.type;
        message Money { string currency_code = 1; int64 units = 2; int32 nanos = 3; }"#,
    ),
    (
        "google/type/month.proto",
        r#"syntax = "proto3";
        package google.type;
        enum Month { MONTH_UNSPECIFIED = 0; JANUARY = 1; FEBRUARY = 2; MARCH = 3; APRIL = 4; MAY = 5; JUNE = 6; JULY = 7; AUGUST = 8; SEPTEMBER = 9; OCTOBER = 10; NOVEMBER = 11; DECEMBER = 12; }"#,
    ),
    (
        "google/type/phone_number.proto",
        r#"syntax = "proto3";
        package google.type;
        message PhoneNumber {
            message ShortCode { string region_code = 1; string number = 2; }
            oneof kind { string e164_number = 1; ShortCode short_code = 2; }
            string extension = 3;
        }"#,
    ),
    (
        "google/type/postal_address.proto",
        r#"syntax = "proto3";
        package google.type;
        message PostalAddress {
            int32 revision = 1; string region_code = 2; string language_code = 3; string postal_code = 4; string sorting_code = 5;
            string administrative_area = 6; string locality = 7; string sublocality = 8; repeated string address_lines = 9;
            repeated string recipients = 10; string organization = 11;
        }"#,
    ),
    (
        "google/type/quaternion.proto",
        r#"syntax = "proto3";
        package google.type;
        message Quaternion { double x = 1; double y = 2; double z = 3; double w = 4; }"#,
    ),
];

/// A message type that represents one value.
pub(super) enum Scalar {
    /// The value of its only field, which has no presence.
    Wrapper,
    Timestamp,
    Date,
    TimeOfDay,
    Decimal,
    Refused(&'static str),
}

impl Scalar {
    pub(super) fn of(message: &MessageDescriptor) -> Option<Self> {
        // A file may define its own types with these names.
        let holds_value =
            || message.get_field_by_name("value").is_some_and(|value| value.kind().as_message().is_none());
        Some(match message.full_name() {
            "google.protobuf.Timestamp" => Self::Timestamp,
            "google.protobuf.DoubleValue"
            | "google.protobuf.FloatValue"
            | "google.protobuf.Int64Value"
            | "google.protobuf.UInt64Value"
            | "google.protobuf.Int32Value"
            | "google.protobuf.UInt32Value"
            | "google.protobuf.BoolValue"
            | "google.protobuf.StringValue"
            | "google.protobuf.BytesValue"
                if holds_value() =>
            {
                Self::Wrapper
            }
            "google.protobuf.Duration" => Self::Refused("Salesforce has no durations"),
            "google.protobuf.Any" => Self::Refused("the fields of a message of any type are not known"),
            "google.protobuf.Struct" | "google.protobuf.Value" | "google.protobuf.ListValue" => {
                Self::Refused("JSON within Protobuf cannot be the value of a field")
            }
            "google.type.Date" => Self::Date,
            "google.type.TimeOfDay" => Self::TimeOfDay,
            "confluent.type.Decimal" => Self::Decimal,
            _ => return None,
        })
    }

    /// Writes a date, a time, an instant or a decimal.
    pub(super) fn write(&self, message: &DynamicMessage, out: &mut Writer) -> Result<LogicalType, FormatError> {
        let number = |name: &str| {
            let value = message.get_field_by_name(name);
            value.as_deref().and_then(|v| v.as_i64().or_else(|| v.as_i32().map(i64::from))).unwrap_or_default()
        };
        match self {
            Self::Timestamp => {
                let nanos = i128::from(number("seconds")) * 1_000_000_000 + i128::from(number("nanos"));
                logical::instant(nanos, out)
            }
            Self::Date => {
                let (year, month, day) = (number("year"), number("month"), number("day"));
                let days = days_since_1970(year, month, day)
                    .ok_or_else(|| FormatError::new(format!("{year}-{month}-{day} is not a complete date")))?;
                logical::date(days, out)
            }
            Self::TimeOfDay => {
                let seconds = (i128::from(number("hours")) * 60 + i128::from(number("minutes"))) * 60
                    + i128::from(number("seconds"));
                logical::time_of_day(seconds * 1_000_000_000 + i128::from(number("nanos")), out)
            }
            Self::Decimal => {
                let value = message.get_field_by_name("value");
                let unscaled = value.as_deref().and_then(Value::as_bytes).map(|bytes| &**bytes).unwrap_or_default();
                Logical::unscaled(number("scale"), unscaled, out)
            }
            Self::Refused(why) => Err(FormatError::new(*why)),
            Self::Wrapper => Err(FormatError::new("the wrapper holds no value")),
        }
    }
}

/// Returns the days from 1970-01-01 to a date of the calendar, or `None` if a part of the date is missing or invalid.
fn days_since_1970(year: i64, month: i64, day: i64) -> Option<i64> {
    let month = time::Month::try_from(u8::try_from(month).ok()?).ok()?;
    let date = time::Date::from_calendar_date(i32::try_from(year).ok()?, month, u8::try_from(day).ok()?).ok()?;
    let epoch = time::OffsetDateTime::UNIX_EPOCH.date();
    Some((date - epoch).whole_days())
}
