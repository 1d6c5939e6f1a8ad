// Times as people write them, and as the server reads them.

/** Seconds of `75`, `75.5`, `1:15` or `1:02:03.5`; null for anything else. */
export function parseTime(text) {
  const parts = String(text ?? "").trim().split(":");
  if (parts.length > 3 || parts.some((part) => !/^\d+(\.\d+)?$/.test(part))) return null;
  return parts.reduce((sum, part) => sum * 60 + Number(part), 0);
}

/** 75.5 as `1:15.5`, to hundredths. */
export function writeTime(seconds) {
  const hundredths = Math.round(seconds * 100);
  const [hours, minutes, rest] = [Math.floor(hundredths / 360000), Math.floor(hundredths / 6000) % 60, (hundredths % 6000) / 100];
  const two = (value) => String(value).padStart(2, "0");
  const [whole, fraction] = String(rest).split(".");
  return `${hours ? `${hours}:${two(minutes)}` : minutes}:${two(whole)}${fraction ? `.${fraction}` : ""}`;
}
