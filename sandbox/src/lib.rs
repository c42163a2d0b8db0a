//! What stands in for the world around the daemon: a Salesforce org over HTTP and an embedded Kafka broker.
