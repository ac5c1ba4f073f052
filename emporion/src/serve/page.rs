//! The page at `/`: three files that are compiled in.
//!
//! What must not live here: anything that is made for one visitor. The answers are the same for everybody.

use emporion_api::{ApiError, Endpoint, paths};
use emporion_edge::Routes;
use http::{HeaderName, HeaderValue, header};

/// A file of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct File {
    /// Its name in a folder.
    pub(crate) name: &'static str,
    pub(crate) text: &'static str,
    content_type: &'static str,
}

const INDEX: File = File {
    name: "index.html",
    text: include_str!("../../../web/page/index.html"),
    content_type: "text/html; charset=utf-8",
};
const SCRIPT: File = File {
    name: "page.js",
    text: include_str!("../../../web/page/page.js"),
    content_type: "text/javascript; charset=utf-8",
};
const STYLE: File = File {
    name: "page.css",
    text: include_str!("../../../web/page/page.css"),
    content_type: "text/css; charset=utf-8",
};

/// All of them.
pub(crate) const FILES: [File; 3] = [INDEX, SCRIPT, STYLE];

/// What the browser may do with them: nothing beyond this venue, and no script or style but theirs.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Adds the page.
pub(crate) fn add_routes(routes: Routes) -> Routes {
    let serve = |routes: Routes, endpoint: &'static Endpoint, file: File| {
        // A query string is let be: links to the page may carry one.
        routes.open(endpoint, &file, async |file: File, _| Ok::<_, ApiError>((headers(file), file.text)))
    };
    let routes = serve(routes, &paths::PAGE, INDEX);
    let routes = serve(routes, &paths::PAGE_SCRIPT, SCRIPT);
    serve(routes, &paths::PAGE_STYLE, STYLE)
}

fn headers(file: File) -> [(HeaderName, HeaderValue); 5] {
    [
        (header::CONTENT_TYPE, file.content_type),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        // A new build may come with another page, under the same names.
        (header::CACHE_CONTROL, "no-cache"),
    ]
    .map(|(name, value)| (name, HeaderValue::from_static(value)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::response::IntoResponse;

    #[test]
    fn the_files_are_served_as_what_they_are_and_bound_to_this_venue() {
        for (file, content_type) in FILES.into_iter().zip(["text/html", "text/javascript", "text/css"]) {
            let response = (headers(file), file.text).into_response().map(|_: Body| ());
            let header = |name: &str| response.headers().get_all(name).iter().collect::<Vec<_>>();
            assert_eq!(header("content-type"), [format!("{content_type}; charset=utf-8").as_str()]);
            assert_eq!(header("x-content-type-options"), ["nosniff"]);
            assert_eq!(header("cache-control"), ["no-cache"]);
            assert_eq!(header("content-security-policy"), [POLICY]);
        }
        for rule in POLICY.split("; ").filter(|rule| !rule.ends_with("'none'")) {
            assert!(rule.ends_with("'self'") || rule == "img-src 'self' data:", "{rule}");
        }
    }

    #[test]
    fn the_page_keeps_its_own_policy() {
        assert!(!INDEX.text.contains("style="), "styles are in the style file");
        assert!(!INDEX.text.contains("<script>") && !INDEX.text.contains("onclick"), "scripts are in the script file");
        for forbidden in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", ".style"] {
            assert!(!SCRIPT.text.contains(forbidden), "{forbidden}");
        }
        for address in ["http://", "https://", "//cdn"] {
            let allowed = INDEX.text.replace("^https://[^/]+", "");
            assert!(!allowed.contains(address) && !SCRIPT.text.contains(address), "{address}");
        }
    }

    /// The texts between `before` and the next `after`.
    fn between<'a>(text: &'a str, before: &'a str, after: char) -> impl Iterator<Item = &'a str> {
        text.split(before).skip(1).map(move |rest| rest.split(after).next().unwrap_or_default())
    }

    #[test]
    fn the_script_finds_what_it_names() {
        let ids: Vec<_> = between(INDEX.text, " id=\"", '"').collect();
        for id in between(SCRIPT.text, "element(\"", '"') {
            assert!(ids.contains(&id), "{id}");
        }
        for class in between(SCRIPT.text, "fill(\"", '"') {
            assert!(INDEX.text.contains(&format!("class=\"{class}\"")), "{class}");
        }
        for file in [SCRIPT.name, STYLE.name] {
            assert!(INDEX.text.contains(&format!("=\"{file}\"")), "{file}");
        }
    }

    #[test]
    fn every_path_that_the_page_names_exists() {
        let links = between(INDEX.text, "href=\"/", '"');
        let asked = between(SCRIPT.text, "ask(\"/", '"').chain(between(SCRIPT.text, "ask(`/", '`'));
        let mut count = 0;
        for path in links.chain(asked) {
            let path = format!("/{}", path.split('?').next().unwrap());
            assert!(paths::ALL.iter().any(|endpoint| endpoint.path == path), "{path}");
            count += 1;
        }
        assert!(count >= 8, "{count}");
    }
}
