use std::time::Duration;
#[derive(Debug, Clone, Default)]
pub struct Metrics {}
impl Metrics {
    pub fn call(&self, _kind: &'static str, _status: &str, _rows: usize, _took: Duration) {}
    pub fn org_state(&self, _state: &'static str) {}
    pub fn quota(&self, _used: u64, _max: u64) {}
}
