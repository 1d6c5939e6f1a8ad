//! The OpenAPI document, made from the handlers, and a page to browse it. Nothing of it comes from another origin.

use axum::Router;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, License, OpenApi, OpenApiBuilder};
use utoipa_swagger_ui::SwaggerUi;

use super::Shell;
use super::session::cookie_name;

/// The document but for its paths.
pub fn document(shell: &Shell) -> OpenApi {
    let facts = shell.facts;
    let mut licence = License::new("Apache-2.0");
    licence.identifier = Some("Apache-2.0".to_owned());
    let info = InfoBuilder::new()
        .title(facts.title)
        .version(facts.version)
        .description(Some(facts.summary))
        .license(Some(licence))
        .build();
    let mut document = OpenApiBuilder::new().info(info);
    if let Some(token) = &shell.options.token {
        let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        let cookie = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(cookie_name(token))));
        let schemes = ComponentsBuilder::new().security_scheme("bearer", bearer).security_scheme("session", cookie);
        let either = ["bearer", "session"].map(|name| SecurityRequirement::new(name, Vec::<String>::new()));
        document = document.components(Some(schemes.build())).security(Some(either));
    }
    document.build()
}

/// The document and the page.
pub fn pages(document: OpenApi) -> Router {
    SwaggerUi::new("/api/docs").url("/api/openapi.json", document).into()
}
