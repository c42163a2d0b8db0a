// Records as a Connect source writes them with JsonConverter and schemas.enable=true, and what the org should be sent.
//
//   java -cp 'target/kafka-libs/VERSION/*' JsonConverterCases.java BASE64|NUMERIC      (decimal.format)
//
// One JSON line for each case: {"case", "key", "value", "operation", "expect", "deletes"}; key, value and the header
// "operation" are hex, and what deletes is a null. The case's name is what the
// key says. `expect` holds the JSON text of each field, and is null when the record must be rejected. Texts are escaped
// no more than JSON demands, with \b \f \n \r \t where they fit and small hex digits elsewhere. Floating-point numbers
// stand as the converter wrote them.

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.PrintStream;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.connect.data.Date;
import org.apache.kafka.connect.data.Decimal;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.data.Time;
import org.apache.kafka.connect.data.Timestamp;
import org.apache.kafka.connect.json.JsonConverter;

public class JsonConverterCases {
  private static final JsonConverter keys = new JsonConverter();
  private static final JsonConverter values = new JsonConverter();
  private static final ObjectMapper json = new ObjectMapper();
  private static final PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);

  public static void main(String[] args) throws Exception {
    Map<String, String> config = Map.of("schemas.enable", "true", "decimal.format", args[0]);
    keys.configure(config, true);
    values.configure(config, false);
    integers();
    floats();
    texts();
    bytes();
    dates();
    times();
    timestamps();
    decimals();
    absent();
    shapes();
    keys();
    nulls();
    rejected();
    out.flush();
  }

  private static void integers() throws Exception {
    field("int8 least", "Int__c", Schema.INT8_SCHEMA, Byte.MIN_VALUE, "-128");
    field("int8 most", "Int__c", Schema.INT8_SCHEMA, Byte.MAX_VALUE, "127");
    field("int16 least", "Int__c", Schema.INT16_SCHEMA, Short.MIN_VALUE, "-32768");
    field("int16 most", "Int__c", Schema.INT16_SCHEMA, Short.MAX_VALUE, "32767");
    field("int32 least", "Int__c", Schema.INT32_SCHEMA, Integer.MIN_VALUE, "-2147483648");
    field("int32 most", "Int__c", Schema.INT32_SCHEMA, Integer.MAX_VALUE, "2147483647");
    field("int64 least", "Number__c", Schema.INT64_SCHEMA, Long.MIN_VALUE, "-9223372036854775808");
    field("int64 most", "Number__c", Schema.INT64_SCHEMA, Long.MAX_VALUE, "9223372036854775807");
    field("int64 beyond a double", "Int__c", Schema.INT64_SCHEMA, 9007199254740993L, "9007199254740993");
    field("boolean yes", "Checkbox__c", Schema.BOOLEAN_SCHEMA, true, "true");
    field("boolean no", "Checkbox__c", Schema.BOOLEAN_SCHEMA, false, "false");
  }

  private static void floats() throws Exception {
    field("float32", "Number__c", Schema.FLOAT32_SCHEMA, 0.1f, "0.1");
    field("float32 most", "Number__c", Schema.FLOAT32_SCHEMA, Float.MAX_VALUE, "3.4028235E38");
    field("float32 whole", "Percent__c", Schema.FLOAT32_SCHEMA, -7f, "-7.0");
    field("float64", "Number__c", Schema.FLOAT64_SCHEMA, 0.1, "0.1");
    field("float64 third", "Percent__c", Schema.FLOAT64_SCHEMA, 1 / 3.0, "0.3333333333333333");
    field("float64 most", "Number__c", Schema.FLOAT64_SCHEMA, Double.MAX_VALUE, "1.7976931348623157E308");
    field("float64 least", "Number__c", Schema.FLOAT64_SCHEMA, -Double.MAX_VALUE, "-1.7976931348623157E308");
    field("float64 tiny", "Number__c", Schema.FLOAT64_SCHEMA, Double.MIN_VALUE, "4.9E-324");
    field("float64 minus zero", "Number__c", Schema.FLOAT64_SCHEMA, -0.0, "-0.0");
  }

  private static void texts() throws Exception {
    field("text", "Text__c", Schema.STRING_SCHEMA, "plain", "\"plain\"");
    field("text empty", "Text__c", Schema.STRING_SCHEMA, "", "\"\"");
    field("text emoji", "Text__c", Schema.STRING_SCHEMA, "Zo\u00eb \ud83d\ude00", "\"Zo\u00eb \ud83d\ude00\"");
    field("text quotes", "Text__c", Schema.STRING_SCHEMA, "say \"x\\y\" 'z' /", "\"say \\\"x\\\\y\\\" 'z' /\"");
    String controls = "\u0000\u0001\b\t\n\u000b\f\r\u001f\u007f";
    String escaped = "\\u0000\\u0001\\b\\t\\n\\u000b\\f\\r\\u001f\u007f";
    field("text controls", "Text__c", Schema.STRING_SCHEMA, controls, "\"" + escaped + "\"");
    field("text like a number", "Text__c", Schema.STRING_SCHEMA, "1e400", "\"1e400\"");
    field("text null", "Text__c", Schema.STRING_SCHEMA, "null", "\"null\"");
    String lengthy = "0123456789abcdef".repeat(8192);
    field("text of 131072", "LongText__c", Schema.STRING_SCHEMA, lengthy, "\"" + lengthy + "\"");
    field("picklist", "Picklist__c", Schema.STRING_SCHEMA, "Green", "\"Green\"");
  }

  private static void bytes() throws Exception {
    ByteBuffer some = ByteBuffer.wrap(new byte[] {0, 1, (byte) 0xff, (byte) 0xfe, (byte) 0xfb});
    field("bytes", "LongText__c", Schema.BYTES_SCHEMA, some, "\"AAH//vs=\"");
    field("bytes empty", "LongText__c", Schema.BYTES_SCHEMA, new byte[0], "\"\"");
    field("bytes like text", "LongText__c", Schema.BYTES_SCHEMA, new byte[] {'t', 'e', 'x', 't'}, "\"dGV4dA==\"");
  }

  private static void dates() throws Exception {
    for (String day : List.of("1970-01-01", "0001-01-01", "9999-12-31", "2024-02-29", "1969-12-31")) {
      field("date " + day, "Date__c", Date.SCHEMA, at(day + "T00:00:00Z"), "\"" + day + "\"");
    }
  }

  private static void times() throws Exception {
    field("time first", "Time__c", Time.SCHEMA, new java.util.Date(0), "\"00:00:00.000Z\"");
    field("time last", "Time__c", Time.SCHEMA, new java.util.Date(86_399_999), "\"23:59:59.999Z\"");
    field("time", "Time__c", Time.SCHEMA, new java.util.Date(53_100_007), "\"14:45:00.007Z\"");
  }

  private static void timestamps() throws Exception {
    field("timestamp 0", "DateTime__c", Timestamp.SCHEMA, new java.util.Date(0), "\"1970-01-01T00:00:00.000Z\"");
    field("timestamp -1", "DateTime__c", Timestamp.SCHEMA, new java.util.Date(-1), "\"1969-12-31T23:59:59.999Z\"");
    for (String moment : List.of("0001-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z", "2024-02-29T12:34:56.007Z")) {
      field("timestamp " + moment, "DateTime__c", Timestamp.SCHEMA, at(moment), "\"" + moment + "\"");
    }
  }

  private static void decimals() throws Exception {
    decimal("decimal 0", "Int__c", "123", 0, "123");
    decimal("decimal 0 negative", "Int__c", "-129", 0, "-129");
    decimal("decimal 0 sign bit", "Int__c", "128", 0, "128");
    decimal("decimal 2", "Currency__c", "-150", 2, "-1.50");
    decimal("decimal 2 small", "Percent__c", "7", 2, "0.07");
    decimal("decimal 10", "Number__c", "-1", 10, "-0.0000000001");
    decimal("decimal 10 large", "Number__c", "123456789012345678901", 10, "12345678901.2345678901");
    decimal("decimal -2", "Int__c", "123", -2, "12300");
    decimal("decimal -2 negative", "Int__c", "-1", -2, "-100");
    String digits = "12345678901234567890123456789012345678";
    decimal("decimal of 38 digits", "Number__c", digits, 0, digits);
    decimal("decimal of 38 decimals", "Number__c", "-" + digits, 38, "-0." + digits);
    decimal("decimal nines", "Number__c", "9".repeat(38), 10, "9".repeat(28) + "." + "9".repeat(10));
    decimal("decimal zero", "Number__c", "0", 0, "0");
    decimal("decimal zero 2", "Currency__c", "0", 2, "0.00");
    decimal("decimal zero 10", "Number__c", "0", 10, "0.0000000000");
    decimal("decimal zero -2", "Number__c", "0", -2, "0");
  }

  private static void absent() throws Exception {
    field("null text", "Text__c", Schema.OPTIONAL_STRING_SCHEMA, null, "null");
    field("null int64", "Number__c", Schema.OPTIONAL_INT64_SCHEMA, null, "null");
    field("null boolean", "Checkbox__c", Schema.OPTIONAL_BOOLEAN_SCHEMA, null, "false");
    field("null bytes", "LongText__c", Schema.OPTIONAL_BYTES_SCHEMA, null, "null");
    field("null date", "Date__c", Date.builder().optional().build(), null, "null");
    field("null time", "Time__c", Time.builder().optional().build(), null, "null");
    field("null timestamp", "DateTime__c", Timestamp.builder().optional().build(), null, "null");
    field("null decimal", "Currency__c", Decimal.builder(2).optional().build(), null, "null");
    Schema texts = SchemaBuilder.array(Schema.STRING_SCHEMA).optional().build();
    field("null array", "MultiPicklist__c", texts, null, "null");
    field("null struct", "Account__r", account(true), null, "null");

    // Without more settings the converter writes the default for such a null.
    Schema optional = SchemaBuilder.string().optional().defaultValue("the default").build();
    field("default for null", "Text__c", optional, null, "\"the default\"");
    unset("default for unset", "Text__c", optional, "\"the default\"");
    field("default not needed", "Text__c", optional, "a value", "\"a value\"");
    Schema required = SchemaBuilder.string().defaultValue("the default").build();
    unset("default of a required field", "Text__c", required, "\"the default\"");
    Schema date = Date.builder().defaultValue(at("2024-02-29T00:00:00Z")).build();
    unset("default date", "Date__c", date, "\"2024-02-29\"");
    Schema decimal = Decimal.builder(2).defaultValue(new BigDecimal("-1.50")).build();
    unset("default decimal", "Currency__c", decimal, "-1.50");
  }

  private static void shapes() throws Exception {
    Schema texts = SchemaBuilder.array(Schema.STRING_SCHEMA).build();
    field("array", "MultiPicklist__c", texts, List.of("North", "East"), "\"North;East\"");
    field("array of one", "MultiPicklist__c", texts, List.of("West"), "\"West\"");
    Struct account = new Struct(account(false)).put("ExternalId__c", "1580");
    field("struct", "Account__r", account.schema(), account, "{\"ExternalId__c\":\"1580\"}");

    Schema many =
        SchemaBuilder.struct()
            .name("test.Many")
            .version(3)
            .doc("every kind at once")
            .field("Text__c", Schema.STRING_SCHEMA)
            .field("Number__c", Decimal.schema(2))
            .field("Int__c", Schema.INT64_SCHEMA)
            .field("Date__c", Date.SCHEMA)
            .field("DateTime__c", Timestamp.builder().optional().build())
            .field("Time__c", Time.SCHEMA)
            .field("Checkbox__c", Schema.BOOLEAN_SCHEMA)
            .field("MultiPicklist__c", texts)
            .field("Account__r", account(true))
            .field("LongText__c", Schema.OPTIONAL_STRING_SCHEMA)
            .optional()
            .build();
    Struct value =
        new Struct(many)
            .put("Text__c", "many")
            .put("Number__c", new BigDecimal("1234567890123456.78"))
            .put("Int__c", 999_999_999_999_999_999L)
            .put("Date__c", at("2024-02-29T00:00:00Z"))
            .put("DateTime__c", at("2024-02-29T23:59:59.999Z"))
            .put("Time__c", new java.util.Date(1))
            .put("Checkbox__c", true)
            .put("MultiPicklist__c", List.of("South", "West"))
            .put("Account__r", new Struct(account(true)).put("ExternalId__c", "1580"));
    Map<String, String> expect = new LinkedHashMap<>();
    expect.put("Text__c", "\"many\"");
    expect.put("Number__c", "1234567890123456.78");
    expect.put("Int__c", "999999999999999999");
    expect.put("Date__c", "\"2024-02-29\"");
    expect.put("DateTime__c", "\"2024-02-29T23:59:59.999Z\"");
    expect.put("Time__c", "\"00:00:00.001Z\"");
    expect.put("Checkbox__c", "true");
    expect.put("MultiPicklist__c", "\"South;West\"");
    expect.put("Account__r", "{\"ExternalId__c\":\"1580\"}");
    expect.put("LongText__c", "null");
    value("many fields", many, value, expect);
  }

  private static void keys() throws Exception {
    Schema schema = SchemaBuilder.struct().field("Text__c", Schema.STRING_SCHEMA).build();
    Struct value = new Struct(schema).put("Text__c", "keyed");
    Map<String, String> expect = Map.of("Text__c", "\"keyed\"");
    for (long key : new long[] {Long.MAX_VALUE, Long.MIN_VALUE, 0}) {
      line(Long.toString(key), Schema.INT64_SCHEMA, key, schema, value, expect);
    }
    line("true", Schema.BOOLEAN_SCHEMA, true, schema, value, expect);
    line("false", Schema.BOOLEAN_SCHEMA, false, schema, value, expect);
    line("say \"\ud83d\ude00\" / \\ ?&#", Schema.STRING_SCHEMA, "say \"\ud83d\ude00\" / \\ ?&#", schema, value, expect);
    line("optional key", Schema.OPTIONAL_STRING_SCHEMA, "optional key", schema, value, expect);
  }

  /** What the converter makes of them is not a tombstone, and means one. */
  private static void nulls() throws Exception {
    value("null in an envelope", Schema.OPTIONAL_STRING_SCHEMA, null, null);
    value("null struct in an envelope", account(true), null, null);
  }

  private static void rejected() throws Exception {
    Schema texts = SchemaBuilder.array(Schema.STRING_SCHEMA).build();
    Schema numbered = SchemaBuilder.map(Schema.INT32_SCHEMA, Schema.STRING_SCHEMA).build();
    value("not a struct: text", Schema.STRING_SCHEMA, "{\"Text__c\": \"x\"}", null);
    value("not a struct: int64", Schema.INT64_SCHEMA, 7L, null);
    value("not a struct: array", texts, List.of("x"), null);
    value("not a struct: map without names", numbered, Map.of(7, "seven"), null);
    field("map without names", "Text__c", numbered, Map.of(7, "seven"), null);
    // What the converter writes is the text "NaN".
    field("not a number", "Number__c", Schema.FLOAT64_SCHEMA, Double.NaN, null);
    field("infinite", "Number__c", Schema.FLOAT32_SCHEMA, Float.NEGATIVE_INFINITY, null);
  }

  private static Schema account(boolean optional) {
    SchemaBuilder schema = SchemaBuilder.struct().name("test.Account").field("ExternalId__c", Schema.STRING_SCHEMA);
    return optional ? schema.optional().build() : schema.build();
  }

  private static java.util.Date at(String moment) {
    return java.util.Date.from(Instant.parse(moment));
  }

  private static void decimal(String name, String field, String unscaled, int scale, String expect) throws Exception {
    field(name, field, Decimal.schema(scale), new BigDecimal(new BigInteger(unscaled), scale), expect);
  }

  /** A struct of one field; `expect` is its JSON text, or null when the record must be rejected. */
  private static void field(String name, String field, Schema schema, Object value, String expect) throws Exception {
    Schema struct = SchemaBuilder.struct().name("test.Row").field(field, schema).build();
    value(name, struct, new Struct(struct).put(field, value), expect == null ? null : Map.of(field, expect));
  }

  private static void unset(String name, String field, Schema schema, String expect) throws Exception {
    Schema struct = SchemaBuilder.struct().name("test.Row").field(field, schema).build();
    value(name, struct, new Struct(struct), Map.of(field, expect));
  }

  private static void value(String name, Schema schema, Object value, Map<String, String> expect) throws Exception {
    line(name, Schema.STRING_SCHEMA, name, schema, value, expect);
  }

  private static void line(
      String name, Schema keySchema, Object key, Schema schema, Object value, Map<String, String> expect)
      throws Exception {
    Map<String, Object> line = new LinkedHashMap<>();
    line.put("case", name);
    line.put("key", hex(keys.fromConnectData("topic", keySchema, key)));
    line.put("value", hex(values.fromConnectData("topic", schema, value)));
    // In front of a null the word would ask for what cannot be.
    Schema word = Schema.STRING_SCHEMA;
    line.put("operation", value == null ? null : hex(values.fromConnectHeader("topic", "operation", word, "upsert")));
    line.put("expect", expect);
    line.put("deletes", value == null);
    out.println(json.writeValueAsString(line));
  }

  private static String hex(byte[] data) {
    return data == null ? null : HexFormat.of().formatHex(data);
  }
}
