// Which kinds of fields there are.

export const isLabelKind = (kind) => /^(classification|detection|polyline)s?$/.test(kind);
/** Whether its labels stand for parts of the picture. */
export const hasPatches = (kind) => /^(detection|polyline)s?$/.test(kind);

export const patchFields = ({ fields }) => fields.filter(({ kind }) => hasPatches(kind));
export const vectorFields = ({ fields }) => fields.filter(({ kind }) => kind === "vector");
/** Those that points can be coloured by. */
export const colourFields = ({ fields }) => fields.filter(({ kind }) => isLabelKind(kind) || ["number", "string", "bool"].includes(kind));
