// Pictures that are searched with and that the server has not seen. The address cannot hold them: it has their names, and a
// page that is loaded anew has forgotten them.

const pictures = new Map();

const read = (file) =>
  new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });

/** Keeps a file; resolves to its name, `picture:1`. */
export async function addPicture(file) {
  const base64 = await read(file);
  const name = `picture:${pictures.size + 1}`;
  pictures.set(name, { base64, url: URL.createObjectURL(file), title: file.name });
  return name;
}

export const isPicture = (entry) => entry.startsWith("picture:");
export const pictureOf = (name) => pictures.get(name)?.base64;
export const shownPicture = (name) => pictures.get(name);

/** A query without the pictures that are no longer known. */
export function known(similar) {
  if (!similar) return null;
  const kept = (list) => list.filter((entry) => !isPicture(entry) || pictures.has(entry));
  const query = { ...similar, positive: kept(similar.positive), negative: kept(similar.negative) };
  return query.positive.length || query.words ? query : null;
}
