// The about view: what is in the collection, and what answers for it.

import { $, bytes, el, number } from "./dom.js";

const servers = { local: "Local store", milvus: "Milvus", "milvus-lite": "Milvus Lite" };

export function create(section, app) {
  function panel(title, facts, ...more) {
    const rows = facts.filter(([, value]) => value != null && value !== "");
    const pairs = rows.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value)));
    return el("section", { class: "panel" }, el("h3", {}, title), el("dl", {}, ...pairs), ...more);
  }

  const link = (href, text) => el("a", { href }, text);

  function fieldTable(fields) {
    const row = ({ name, type, filterable }) =>
      el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, type), el("td", {}, filterable ? "yes" : "no"));
    const head = el("tr", {}, ...["Field", "Type", "Filterable"].map((text) => el("th", { scope: "col" }, text)));
    return el("table", { class: "facts" }, el("thead", {}, head), el("tbody", {}, ...fields.map(row)));
  }

  const indexFacts = ({ served_by, exact, indexed, field }, count) => [
    ["Index", served_by],
    ["Results", exact ? "exact" : "approximate"],
    ["Indexed", `${number(indexed)} of ${number(count)}`],
    ["Vector field", field],
  ];

  function show() {
    const { info } = app;
    const { index, store } = info;
    const maker = info.vectors;
    const near = info.larger_is_nearer ? "larger is nearer" : "smaller is nearer";
    $("facts").replaceChildren(
      el("p", { class: "lead" }, info.summary),
      el(
        "div",
        { class: "fact-grid" },
        panel("Collection", [
          ["Items", number(info.count)],
          ["Name", info.collection],
          ["Store", [servers[store.server] ?? store.server, store.version].join(" ")],
          ["Largest upload", bytes(info.max_upload_bytes)],
          ["Most results", number(info.max_k)],
        ]),
        maker &&
          panel("Embeddings", [
            ["Made by", maker.name],
            ["What it does", maker.summary],
            ["Dimension", number(maker.dim)],
            ["Licence", maker.licence],
          ]),
        panel("Search", [
          ["Metric", `${info.metric}, ${near}`],
          ...(index ? indexFacts(index, info.count) : [["Index", "none yet: it is made by the first import"]]),
        ]),
        panel(
          "Program",
          [["Name", info.name], ["Version", info.version]],
          el("p", {}, link("/api/docs", "API documentation"), " · ", link("/api/openapi.json", "OpenAPI")),
        ),
        el("section", { class: "panel" }, el("h3", {}, "Fields"), fieldTable(info.fields)),
      ),
    );
  }

  return { show };
}
