// What a solution adds to the page: whatever its module /solution/page.js exports. Without one that module is empty.
//
// export const renderer = { … }   what differs from the kit's renderer (render.js), by name
// export const views = [{ name, title, create }]
//     Views of its own, each with a link and the address #name. `create(section, app)` is called when the view is first
//     shown, and returns { show(params, again), hide?(), forget?(id) }. A view named as one of the kit's takes its place.
// export function query(place, { info, add, changed, choose, ways }) { … }
//     Controls of its own in the query form: they go into `place`, and ways to give an example beside the file dialog into
//     `ways`. `add({ file } | { item })` adds an example, `choose({ name: value })` sets options, `changed()` searches again.
//     Returns { extend(body), params(), set(params), stage(example) }: what they add to the JSON of a search, what of it
//     stands in the address (an object), the way back from there, and the node of an example at large (null: there is none any more).
//
// Its modules import the kit's by address, such as `import { el } from "/assets/dom.js"`; /solution/page.css is its style.

import * as own from "/solution/page.js";
import { rendererOf } from "./render.js";

export const views = own.views ?? [];
export const rendererFor = (info) => ({ ...rendererOf(info), ...own.renderer });

const nothing = { extend() {}, params: () => ({}), set() {}, stage: () => null };

export const createControls = (place, query) => ({ ...nothing, ...own.query?.(place, query) });
