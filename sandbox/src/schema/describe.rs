//! Describes with every key of the recorded ones (`describe_Account`, `describe_Global`), in alphabetical order as
//! there.

use serde_json::{Value, json};

use super::{Field, FieldType, SObject, Schema};

/// `GET /sobjects/{T}/describe`.
pub(crate) fn full(sobject: &SObject, version: u32) -> Value {
    let Value::Object(mut described) = short(sobject, version) else { return Value::Null };
    let more = json!({
        "actionOverrides": [],
        "childRelationships": [],
        "compactLayoutable": true,
        "defaultImplementation": null,
        "extendedBy": null,
        "extendsInterfaces": null,
        "fields": sobject.fields.iter().filter(|field| !field.hidden).map(field).collect::<Vec<_>>(),
        "implementedBy": null,
        "implementsInterfaces": null,
        "listviewable": null,
        "lookupLayoutable": null,
        "namedLayoutInfos": [],
        "networkScopeFieldName": null,
        "recordTypeInfos": [],
        "searchLayoutable": true,
        "sobjectDescribeOption": "FULL",
        "supportedScopes": [{"label": format!("All {}", sobject.label_plural), "name": "everything"}],
    });
    if let Value::Object(more) = more {
        described.extend(more);
    }
    Value::Object(described)
}

/// `GET /sobjects/{T}`.
pub(crate) fn basic(sobject: &SObject, version: u32) -> Value {
    json!({"objectDescribe": short(sobject, version), "recentItems": []})
}

/// `GET /sobjects`.
pub(crate) fn global(schema: &Schema, version: u32) -> Value {
    let sobjects: Vec<_> = schema.visible().map(|sobject| short(sobject, version)).collect();
    json!({"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": sobjects})
}

fn short(sobject: &SObject, version: u32) -> Value {
    let name = &sobject.name;
    let url = format!("/services/data/v{version}.0/sobjects/{name}");
    json!({
        "activateable": false,
        "associateEntityType": null,
        "associateParentEntity": null,
        "createable": !sobject.read_only,
        "custom": sobject.custom,
        "customSetting": false,
        "deepCloneable": false,
        "deletable": !sobject.read_only,
        "deprecatedAndHidden": false,
        "feedEnabled": true,
        "hasSubtypes": false,
        "isInterface": false,
        "isSubtype": false,
        "keyPrefix": sobject.key_prefix,
        "label": sobject.label,
        "labelPlural": sobject.label_plural,
        "layoutable": true,
        "mergeable": !sobject.custom,
        "mruEnabled": true,
        "name": name,
        "queryable": true,
        "replicateable": true,
        "retrieveable": true,
        "searchable": true,
        "triggerable": true,
        "undeletable": true,
        "updateable": !sobject.read_only,
        "urls": {
            "describe": format!("{url}/describe"),
            "rowTemplate": format!("{url}/{{ID}}"),
            "sobject": url,
        },
    })
}

fn field(field: &Field) -> Value {
    let picklist: Vec<_> = field
        .picklist_values
        .iter()
        .map(|entry| {
            json!({"active": entry.active, "defaultValue": entry.default_value, "label": entry.value, "validFor": null, "value": entry.value})
        })
        .collect();
    let long_text = field.kind == FieldType::TextArea && field.length > 255;
    json!({
        "aggregatable": !long_text,
        "aiPredictionField": false,
        "autoNumber": field.auto_number,
        // Three bytes a character, except in ids (recorded).
        "byteLength": if matches!(field.kind, FieldType::Id | FieldType::Reference) { 18 } else { field.length * 3 },
        "calculated": field.calculated,
        "calculatedFormula": null,
        "cascadeDelete": false,
        "caseSensitive": field.case_sensitive,
        "compoundFieldName": field.compound_field_name,
        "controllerName": null,
        "createable": field.createable,
        "custom": field.custom,
        "defaultValue": if field.kind == FieldType::Boolean { json!(false) } else { Value::Null },
        "defaultValueFormula": null,
        "defaultedOnCreate": field.defaulted_on_create,
        "dependentPicklist": false,
        "deprecatedAndHidden": false,
        "digits": field.digits,
        "displayLocationInDecimal": false,
        "encrypted": field.kind == FieldType::EncryptedString,
        "externalId": field.external_id,
        "extraTypeInfo": null,
        "filterable": field.filterable,
        "filteredLookupInfo": null,
        "formulaTreatNullNumberAsZero": false,
        "groupable": !long_text && !field.is_number(),
        "highScaleNumber": false,
        "htmlFormatted": false,
        "idLookup": field.id_lookup,
        "inlineHelpText": null,
        "label": field.label,
        "length": field.length,
        "mask": null,
        "maskType": null,
        "name": field.name,
        "nameField": field.name_field,
        "namePointing": false,
        "nillable": field.nillable,
        "permissionable": field.nillable && field.createable,
        "picklistValues": picklist,
        "polymorphicForeignKey": field.reference_to.len() > 1,
        "precision": field.precision,
        "queryByDistance": false,
        "referenceTargetField": null,
        "referenceTo": field.reference_to,
        "relationshipName": field.relationship_name,
        "relationshipOrder": null,
        "restrictedDelete": false,
        "restrictedPicklist": field.restricted_picklist,
        "scale": field.scale,
        "searchPrefilterable": false,
        "soapType": soap_type(field.kind),
        "sortable": !long_text,
        "type": field.type_name(),
        "unique": field.unique,
        "updateable": field.updateable,
        "writeRequiresMasterRead": false,
    })
}

fn soap_type(kind: FieldType) -> &'static str {
    match kind {
        FieldType::Id | FieldType::Reference => "tns:ID",
        FieldType::Boolean => "xsd:boolean",
        FieldType::Int => "xsd:int",
        FieldType::Long => "xsd:long",
        FieldType::Double | FieldType::Currency | FieldType::Percent => "xsd:double",
        FieldType::Date => "xsd:date",
        FieldType::DateTime => "xsd:dateTime",
        FieldType::Time => "xsd:time",
        FieldType::Address => "urn:address",
        FieldType::Location => "urn:location",
        FieldType::Base64 => "xsd:base64Binary",
        FieldType::AnyType => "xsd:anyType",
        _ => "xsd:string",
    }
}
