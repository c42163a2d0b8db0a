//! `Sforce-Limit-Info`: how much of the org's daily API calls is used up (REST guide, "Limit Info Header").

/// Calls used and allowed in the org's rolling 24 hours. More may be used than allowed: the limit is soft.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) used: u64,
    pub(crate) max: u64,
}

impl Usage {
    /// Parses `api-usage=18/5000; per-app-api-usage=17/250(appName=x)` by name, since case, order and separators vary.
    /// A zero maximum says nothing.
    pub(crate) fn parse(header: &str) -> Option<Self> {
        header.split([';', ',']).find_map(|part| {
            let (name, value) = part.split_once('=')?;
            if !name.trim().eq_ignore_ascii_case("api-usage") {
                return None;
            }
            let (used, max) = value.split_once('/')?;
            let digits = |text: &str| {
                let text = text.trim();
                text[..text.bytes().take_while(u8::is_ascii_digit).count()].parse().ok()
            };
            Some(Self { used: digits(used)?, max: digits(max).filter(|max| *max > 0)? })
        })
    }

    pub(crate) fn percent(self) -> u64 {
        self.used.saturating_mul(100) / self.max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn daily_usage_is_found_by_name() {
        for (header, expected) in [
            ("api-usage=18/5000", Some((18, 5000))),
            ("API-Usage = 18 / 5000", Some((18, 5000))),
            ("api-usage=18/5000; per-app-api-usage=17/250(appName=sample)", Some((18, 5000))),
            ("per-app-api-usage=17/250(appName=sample);api-usage=18/5000", Some((18, 5000))),
            ("per-app-api-usage=17/250(appName=sample), api-usage=18/5000", Some((18, 5000))),
            ("api-usage=6000/5000", Some((6000, 5000))),
            ("per-app-api-usage=17/250(appName=sample)", None),
            ("api-usage=18/0", None),
            ("api-usage=18", None),
            ("api-usage=/", None),
            ("api-usage=-1/5000", None),
            ("", None),
        ] {
            assert_eq!(Usage::parse(header).map(|u| (u.used, u.max)), expected, "{header}");
        }
    }

    #[test]
    fn usage_may_exceed_a_soft_limit() {
        assert_eq!(Usage { used: 6000, max: 5000 }.percent(), 120);
        assert_eq!(Usage { used: u64::MAX, max: 1 }.percent(), u64::MAX);
    }
}
