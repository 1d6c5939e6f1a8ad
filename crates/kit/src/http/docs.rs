//! The OpenAPI document, made from the handlers, and a page to browse it. Nothing of it comes from another origin.

use std::sync::Arc;

use axum::Router;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, License, OpenApi, OpenApiBuilder};
use utoipa_swagger_ui::SwaggerUi;

use super::App;

/// The document but for its paths.
pub fn document(app: &App) -> OpenApi {
    let facts = &app.program.facts;
    let mut licence = License::new("Apache-2.0");
    licence.identifier = Some("Apache-2.0".to_owned());
    let info = InfoBuilder::new()
        .title(facts.title)
        .version(facts.version)
        .description(Some(facts.summary))
        .license(Some(licence))
        .build();
    let mut document = OpenApiBuilder::new().info(info);
    if app.options.token.is_some() {
        let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        document = document
            .components(Some(ComponentsBuilder::new().security_scheme("bearer", bearer).build()))
            .security(Some([SecurityRequirement::new("bearer", Vec::<String>::new())]));
    }
    document.build()
}

/// The document and the page.
pub fn pages(document: OpenApi) -> Router<Arc<App>> {
    SwaggerUi::new("/api/docs").url("/api/openapi.json", document).into()
}
