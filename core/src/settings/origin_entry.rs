//! The keys of a provider that say who may ask and with which fields: `allowed_origins` and `required_headers`, from
//! their YAML nodes. What a request is held to is said by [`Origins`] and by the gate.

use std::sync::Arc;

use super::ProvidersError;
use super::origin::{OriginPattern, Origins};
use super::values::{list, text};
use super::yaml::Node;
use crate::http1::is_token;

/// Fields that no entry can require, and why.
const NEVER_REQUIRED: [(&[&str], &str); 3] = [
    (
        &["authorization", "x-api-key", "api-key", "x-goog-api-key"],
        "this field carries a credential, and a token is required already",
    ),
    (
        &["host", "content-length", "transfer-encoding"],
        "this field says where a message goes or ends, and HTTP rules it",
    ),
    (
        &["connection", "keep-alive", "te", "upgrade", "trailer"],
        "this field speaks to the next hop only, so a proxy on the way may change it",
    ),
];

/// The origins that an entry lists; `None` for an empty list, which asks for nothing.
pub(super) fn allowed_origins(node: &Node) -> Result<Option<Origins>, ProvidersError> {
    let items = list(node, "[https://app.example.com], or ['*'] for every origin")?;
    let origins = items.iter().map(|item| Ok((item, text(item, "an origin such as https://app.example.com")?)));
    let origins = origins.collect::<Result<Vec<_>, ProvidersError>>()?;
    if let Some((star, _)) = origins.iter().find(|(_, origin)| *origin == "*") {
        return match items.len() {
            1 => Ok(Some(Origins::Any)),
            _ => Err(star.place.error("* allows every origin: write ['*'], or remove it to allow only the others")),
        };
    }
    let pattern = |(item, origin): (&Node, &str)| {
        OriginPattern::parse(origin).map_err(|error| item.place.error(error.to_string()))
    };
    let patterns = origins.into_iter().map(pattern).collect::<Result<Vec<_>, _>>()?;
    Ok((!patterns.is_empty()).then_some(Origins::Listed(patterns)))
}

/// The names of the fields that an entry requires, as they are written there.
pub(super) fn required_headers(node: &Node) -> Result<Vec<Arc<str>>, ProvidersError> {
    list(node, "[origin]")?.iter().map(required_header).collect()
}

fn required_header(node: &Node) -> Result<Arc<str>, ProvidersError> {
    let name = text(node, "the name of a header such as origin")?;
    if !is_token(name.as_bytes()) {
        return Err(node.place.error("the name of a header has letters, digits and hyphens, such as x-team"));
    }
    let lowered = name.to_ascii_lowercase();
    let never = NEVER_REQUIRED.iter().find(|(names, _)| names.contains(&lowered.as_str())).map(|(_, why)| *why);
    match never.or_else(|| lowered.starts_with("proxy-").then_some("this field is between a client and its proxy")) {
        Some(why) => Err(node.place.error(format!("this header cannot be required: {why}"))),
        None => Ok(name.into()),
    }
}

#[cfg(test)]
mod tests {
    use crate::settings::{Origins, Provider, ProviderDefaults, ProvidersError, parse_providers};

    fn entry(lines: &str) -> Result<Provider, ProvidersError> {
        let text = format!("apis:\n  a:\n    base_url: https://a.example\n    allowed_endpoints: [/v1]\n    {lines}\n");
        parse_providers(&text, &ProviderDefaults::default()).map(|providers| (*providers.by_name["a"]).clone())
    }

    #[test]
    fn without_the_keys_nothing_is_asked() {
        for lines in ["", "allowed_origins:", "allowed_origins: []", "required_headers:", "required_headers: []"] {
            let provider = entry(lines).expect(lines);
            assert_eq!((provider.allowed_origins, provider.required_headers.len()), (None, 0), "{lines}");
        }
    }

    #[test]
    fn a_star_alone_is_every_origin() {
        assert_eq!(entry("allowed_origins: ['*']").expect("a star").allowed_origins, Some(Origins::Any));
    }

    #[test]
    fn origins_and_headers_are_lists() {
        let provider = entry(
            "allowed_origins: [https://app.example.com, http://localhost:3000]\n    required_headers: [Origin, x-team]",
        )
        .expect("two lists");
        assert!(matches!(provider.allowed_origins, Some(Origins::Listed(listed)) if listed.len() == 2));
        assert_eq!(provider.required_headers.iter().map(|name| &**name).collect::<Vec<_>>(), ["Origin", "x-team"]);
    }

    #[test]
    fn a_wrong_item_is_answered_with_its_place_and_why() {
        const FORM: &str = "write it like https://app.example.com";
        for (lines, expected) in [
            (
                "allowed_origins: https://a.example",
                "5:22 expected a list here, such as [https://app.example.com], or ['*'] for every origin",
            ),
            ("allowed_origins: [a: b]", "5:23 expected an origin such as https://app.example.com here"),
            (
                "allowed_origins: [https://b.example, https://a.example/]",
                &format!("5:42 an origin ends with its host or port, without a slash or path: {FORM}"),
            ),
            ("allowed_origins: [a.example]", &format!("5:23 an origin begins with a scheme: {FORM}")),
            (
                "allowed_origins: ['null']",
                "5:23 null cannot be listed: it is the origin of every sandboxed frame and every local file",
            ),
            (
                "allowed_origins: [https://a.*.example]",
                "5:23 a wildcard stands for the labels before a name: write it like https://*.example.com",
            ),
            (
                "allowed_origins: [https://a.example, '*']",
                "5:42 * allows every origin: write ['*'], or remove it to allow only the others",
            ),
            ("required_headers: origin", "5:23 expected a list here, such as [origin]"),
            ("required_headers: [[a]]", "5:24 expected the name of a header such as origin here"),
            ("required_headers: ['']", "5:24 the name of a header has letters, digits and hyphens, such as x-team"),
            (
                "required_headers: ['x team']",
                "5:24 the name of a header has letters, digits and hyphens, such as x-team",
            ),
            (
                "required_headers: [origin, Authorization]",
                "5:32 this header cannot be required: this field carries a credential, and a token is required already",
            ),
            (
                "required_headers: [Content-Length]",
                "5:24 this header cannot be required: this field says where a message goes or ends, and HTTP rules it",
            ),
            (
                "required_headers: [TE]",
                "5:24 this header cannot be required: this field speaks to the next hop only, so a proxy on the way \
                 may change it",
            ),
            (
                "required_headers: [Proxy-Authorization]",
                "5:24 this header cannot be required: this field is between a client and its proxy",
            ),
        ] {
            let error = entry(lines).expect_err(lines);
            assert_eq!(format!("{}:{} {}", error.line, error.column, error.message), expected, "{lines}");
        }
    }
}
